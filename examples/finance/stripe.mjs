// @ts-check
// Stands for Stripe: sends events with its signature, and sends again whatever was not answered with 2xx.
import { setTimeout as pause } from 'node:timers/promises';
import { stripe } from '@posthorn/webhooks/providers/stripe';
import { signedRequest } from '@posthorn/webhooks/testing';

// Stripe goes on for three days, with longer and longer pauses.
const againAfterMs = 100;
const triesMax = 600;

/**
 * @typedef {{ id: string, amount: number, currency: string, billing_details?: { address: { country: string | null } },
 *   payment_method_details?: { card: { country: string } } | null, charge?: string }} PaymentObject
 * @typedef {{ id: string, type: 'charge.succeeded' | 'refund.created', account: string, created: number,
 *   data: { object: PaymentObject } }} PaymentEvent amounts in cents, times in Unix seconds
 */

/**
 * Sends the events one after the other. Two of these at the same time are two of Stripe's machines.
 *
 * @param {{ ingestUrl: string, secret: string }} source
 * @param {PaymentEvent[]} events
 * @returns {Promise<{ accepted: number, notAnswered: number }>}
 */
export async function sendAll(source, events) {
  const sent = { accepted: 0, notAnswered: 0 };
  for (const event of events) {
    sent.notAnswered += await sendUntilAccepted(source, event);
    sent.accepted += 1;
  }
  return sent;
}

/** How often it was not accepted. @param {{ ingestUrl: string, secret: string }} source @param {PaymentEvent} event */
async function sendUntilAccepted({ ingestUrl, secret }, event) {
  for (let failed = 0; failed < triesMax; failed += 1) {
    const headers = { 'content-type': 'application/json' };
    const request = await signedRequest(stripe, event, { secret, url: ingestUrl, headers });
    const response = await fetch(request).catch(() => undefined);
    if (response?.ok) return failed;
    await pause(againAfterMs);
  }
  throw new Error(`${event.id} was not accepted in ${triesMax} tries`);
}
