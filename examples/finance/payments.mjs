// @ts-check
// The payments of two accounts, as Stripe tells of them, and the books that a bookkeeper would write about them by hand.
import { randomInt, randomUUID } from 'node:crypto';

/** @typedef {import('./stripe.mjs').PaymentEvent} PaymentEvent */

/** Cents: a larger payment is looked at by people. */
export const amountLimit = 100_000;

const refundEvery = 4;
const repeatEvery = 3;
const suspicious = [
  { at: 3, amount: amountLimit + 1, card: 'DE', billing: 'DE' },
  { at: 7, amount: 4_900, card: 'BR', billing: 'DE' },
  { at: 9, amount: 2_500, card: 'DE', billing: null },
  { at: 11, amount: 1_800, card: null, billing: 'DE' },
];
export const suspiciousCount = suspicious.length;
export const paymentsMin = 12;

const newId = (/** @type {string} */ prefix) => `${prefix}_${randomUUID().replaceAll('-', '').slice(0, 24)}`;

/**
 * What happened, in its order: payments, and a partial refund of every fourth.
 *
 * @param {number} paymentCount
 * @returns {{ accounts: string[], events: PaymentEvent[] }}
 */
export function newPayments(paymentCount) {
  const accounts = [newId('acct'), newId('acct')];
  const created = Math.floor(Date.now() / 1_000);
  /** @param {PaymentEvent['type']} type @param {string} account @param {PaymentEvent['data']['object']} object */
  const event = (type, account, object) => ({ id: newId('evt'), type, account, created, data: { object } });
  const events = Array.from({ length: paymentCount }, (_, index) => {
    const account = accounts[index % accounts.length] ?? '';
    const odd = suspicious.find(({ at }) => at === index);
    const { amount, card, billing } = odd ?? { amount: randomInt(100, 50_000), card: 'DE', billing: 'DE' };
    const charge = {
      id: newId('ch'),
      amount,
      currency: 'eur',
      billing_details: { address: { country: billing } },
      payment_method_details: card === null ? null : { card: { country: card } },
    };
    const payment = event('charge.succeeded', account, charge);
    if (index % refundEvery !== 0) return [payment];
    const refund = { id: newId('re'), amount: Math.ceil(amount / 2), currency: 'eur', charge: charge.id };
    return [payment, event('refund.created', account, refund)];
  });
  return { accounts, events: events.flat() };
}

/** All events in a new order, every third of them twice. @param {PaymentEvent[]} events */
export function outOfOrder(events) {
  const sent = [...events, ...events.filter((_, index) => index % repeatEvery === 0)];
  for (let last = sent.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    const [a, b] = [sent[last], sent[other]];
    if (a && b) [sent[last], sent[other]] = [b, a];
  }
  return sent;
}

/** The balance of an account in cents, each event counted once. @param {PaymentEvent[]} events @param {string} account */
export function bookBalance(events, account) {
  return events
    .filter((event) => event.account === account)
    .map(({ type, data }) => (type === 'charge.succeeded' ? data.object.amount : -data.object.amount))
    .reduce((sum, each) => sum + each, 0);
}
