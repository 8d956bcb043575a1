// @ts-check
// The story of a ledger, told against a running Posthorn: two senders send the same payments, repeated and in orders of
// their own, and the balances are right. Exits with 0 when the counts at the end say so, with 1 and the reason when not.
import { randomBytes } from 'node:crypto';
import { findPosthorn } from '../signup/find-posthorn.mjs';
import { startInbox } from '../story/inbox.mjs';
import { createPosthornApi } from '../story/posthorn-api.mjs';
import { checkCounts, note, say, tell, waitFor } from '../story/tell.mjs';
import { openLedger } from './ledger.mjs';
import { bookBalance, newPayments, outOfOrder, paymentsMin, suspiciousCount } from './payments.mjs';
import { connectBank } from './pipeline.mjs';
import { sendAll } from './stripe.mjs';

/**
 * @typedef {ReturnType<typeof createPosthornApi>} Posthorn
 * @typedef {Awaited<ReturnType<typeof openLedger>>} Ledger
 * @typedef {Awaited<ReturnType<typeof startInbox>>} Desk
 * @typedef {Awaited<ReturnType<typeof connectBank>>} Connected
 * @typedef {ReturnType<typeof newPayments>} Payments
 */

const paymentCount = Math.max(paymentsMin, Number(process.env.FINANCE_PAYMENTS) || 40);

await tell(async () => {
  const { databaseUrl: noted, ...found } = await findPosthorn(process.env);
  console.log(`Posthorn is at ${found.serverUrl}`);
  const databaseUrl = process.env.DATABASE_URL || noted;
  if (!databaseUrl) throw new Error("The ledger lies in Posthorn's own database: name it with DATABASE_URL.");
  const ledger = await openLedger(databaseUrl);
  const desk = await startInbox();
  try {
    await tellParts(createPosthornApi(found), ledger, desk);
  } finally {
    await desk.stop();
    await ledger.close();
  }
});

/** @param {Posthorn} posthorn @param {Ledger} ledger @param {Desk} desk */
async function tellParts(posthorn, ledger, desk) {
  say('1. The bank gets a URL for Stripe, its ledger and its fraud desk become endpoints');
  const secret = `whsec_${randomBytes(24).toString('hex')}`;
  const connected = await connectBank(posthorn, { secret, deskUrl: desk.url });
  const { ingestUrl } = connected.source;
  note(`events come in at ${ingestUrl.slice(0, ingestUrl.indexOf('/in/') + 8)}…`);
  note('each payment becomes a row of finance.entries; finance.balances adds them up');

  const payments = newPayments(paymentCount);
  const sent = await sendTwice({ ingestUrl, secret }, payments);
  await showAlerts(desk);
  await showBalances(ledger, payments);
  await count({ posthorn, ledger, desk, connected }, payments, sent);
}

/** @param {{ ingestUrl: string, secret: string }} source @param {Payments} payments */
async function sendTwice(source, { events }) {
  say(`2. Two senders tell of the same ${events.length} payments and refunds, at the same time`);
  const both = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const own = outOfOrder(events);
      const { accepted, notAnswered } = await sendAll(source, own);
      const again = notAnswered === 0 ? '' : `, ${notAnswered} times sent again without an answer`;
      note(`sender ${name}: ${accepted} requests answered with 2xx, in an order of its own${again}`);
      return accepted;
    }),
  );
  return both.reduce((sum, each) => sum + each, 0);
}

/** @param {Desk} desk */
async function showAlerts(desk) {
  say('3. What the fraud rule lets through to people');
  const alerts = await waitFor(`${suspiciousCount} alerts`, () => {
    const found = alertsOf(desk);
    return found.length >= suspiciousCount ? found : undefined;
  });
  for (const { payment, cents, countries } of alerts) {
    note(`${String(payment)}: ${String(cents)} cents, ${String(countries)}`);
  }
}

/** What came twice after a crash has the idempotency-key of the first. @param {Desk} desk */
function alertsOf({ received }) {
  return [...new Map(received.map(({ idempotencyKey, body }) => [idempotencyKey, body])).values()];
}

/** @param {Ledger} ledger @param {Payments} payments */
async function showBalances(ledger, { accounts, events }) {
  say('4. The balances');
  await waitFor(`${events.length} entries`, async () =>
    (await ledger.entryCount(accounts)) >= events.length ? true : undefined,
  );
  for (const account of accounts) {
    note(`${account}: ${await ledger.balance(account)} cents, by hand ${bookBalance(events, account)}`);
  }
}

/**
 * @param {{ posthorn: Posthorn, ledger: Ledger, desk: Desk, connected: Connected }} world
 * @param {Payments} payments
 * @param {number} requestCount
 */
async function count({ posthorn, ledger, desk, connected }, { accounts, events }, requestCount) {
  say('5. What Posthorn and the bank have in the end');
  const { source, ledger: endpoint, desk: deskEndpoint } = connected;
  // The row is there with the record of its attempt, or neither is.
  const attempts = await posthorn.attempts(source, endpoint.id);
  const messages = await posthorn.messages(source);
  const { canceled } = await posthorn.deliveryCounts(source, deskEndpoint.id);
  note(`${requestCount} requests for ${events.length} events`);
  const written = attempts.filter(({ response }) => response === '1 row written');
  /** @type {Parameters<typeof checkCounts>[0]} */
  const balances = [];
  for (const [index, account] of accounts.entries()) {
    const balance = await ledger.balance(account);
    balances.push([`balance of account ${index + 1}`, balance, bookBalance(events, account)]);
  }
  checkCounts([
    ['messages made of them', messages.length, events.length],
    ['deliveries that wrote a row', written.length, events.length],
    ['entries in the ledger', await ledger.entryCount(accounts), events.length],
    ...balances,
    ['payments shown to people', alertsOf(desk).length, suspiciousCount],
    ['payments that the rule kept back', canceled, paymentCount - suspiciousCount],
  ]);
}
