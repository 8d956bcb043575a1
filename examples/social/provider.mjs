// @ts-check
// Stands for Meta: asks whether a URL is ours, and then tells it what happens on a page of Facebook. It signs as Meta does
// (HMAC-SHA256 of the body under the app secret), and packs several events into one request.
import { createHmac, randomInt } from 'node:crypto';

const timeoutMs = 30_000;

/**
 * @typedef {{ item: string, verb: string, from: { id: string, name: string }, created_time: number, comment_id?: string,
 *   post_id?: string, message?: string }} FeedEvent
 */

/** @param {string} text @param {string} secret */
const signatureOf = (text, secret) => `sha256=${createHmac('sha256', secret).update(text).digest('hex')}`;

/** @param {{ callbackUrl: string, appSecret: string, verifyToken: string }} subscription */
export function createProvider({ callbackUrl, appSecret, verifyToken }) {
  return {
    /** True when the URL answers the challenge, which it does only to whoever knows its verify token. */
    async subscribe(token = verifyToken) {
      const challenge = String(randomInt(1_000_000_000));
      const url = new URL(callbackUrl);
      url.searchParams.set('hub.mode', 'subscribe');
      url.searchParams.set('hub.challenge', challenge);
      url.searchParams.set('hub.verify_token', token);
      const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
      return response.status === 200 && (await response.text()) === challenge;
    },

    /**
     * One request with all of these events; gives the status of the answer.
     *
     * @param {FeedEvent[]} events
     * @param {{ sentAtSeconds: number, secret?: string }} options
     */
    async send(events, { sentAtSeconds, secret = appSecret }) {
      const changes = events.map((value) => ({ field: 'feed', value }));
      const entry = [{ id: '104000000000001', time: sentAtSeconds, changes }];
      const body = JSON.stringify({ object: 'page', entry });
      const headers = {
        'content-type': 'application/json',
        'x-hub-signature-256': signatureOf(body, secret),
      };
      const init = { method: 'POST', headers, body, signal: AbortSignal.timeout(timeoutMs) };
      const response = await fetch(callbackUrl, init);
      await response.arrayBuffer();
      return response.status;
    },
  };
}
