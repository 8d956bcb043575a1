// @ts-check
// Stands for a service that Posthorn calls: takes JSON, keeps it, and answers 200.
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { listen } from '../signup/listen.mjs';

/** @typedef {{ body: Record<string, unknown>, idempotencyKey: string | undefined }} Received */

export async function startInbox() {
  /** @type {Received[]} */
  const received = [];
  const server = createServer((request, response) => void take(request, response));

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async function take(request, response) {
    const body = /** @type {Record<string, unknown>} */ (await json(request));
    received.push({ body, idempotencyKey: request.headersDistinct['idempotency-key']?.[0] });
    response.writeHead(200).end('ok');
  }

  const { url, stop } = await listen(server);
  return { url, received, stop };
}
