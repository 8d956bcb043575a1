// @ts-check
// The receiver process: answers each endpoint in its manner and journals every request. Told what to do by IPC.
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { manners, plain } from './answers.mjs';
import { openJournal } from './journal.mjs';
import { hashOf } from './plan.mjs';
import { randomFrom } from './random.mjs';

/**
 * @typedef {{ endpoints: import('./plan.mjs').Endpoint[], journalPath: string, seed: number, slowMs: number }} Setup
 */

/** @type {Setup} */
const setup = await new Promise((resolve) => {
  process.once('message', (/** @type {any} */ message) => resolve(message));
});
const journal = await openJournal(setup.journalPath);
const chance = randomFrom(setup.seed ^ 0xec);
const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
const toleranceSeconds = 300;
const keys = setup.endpoints.map(({ secret }) => Buffer.from(secret.replace('whsec_', ''), 'base64'));
/** @type {Map<string, number>[]} */
const seenBefore = setup.endpoints.map(() => new Map());
const totals = setup.endpoints.map(() => 0);
let healed = false;
let lastAt = Date.now();
let count = 0;

/** @param {import('node:http').IncomingMessage} request */
async function bytesOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/**
 * By the text of Standard Webhooks and not by code of ours, which may be wrong on both sides alike. 'ok', or what is wrong.
 * @param {Buffer | undefined} key
 * @param {import('node:http').IncomingHttpHeaders} headers
 * @param {Buffer} body
 */
function verdictOn(key, headers, body) {
  if (!key) return 'no endpoint';
  const [id = '', timestamp = '', signatures = ''] = names.map((name) => String(headers[name] ?? ''));
  if (!id || !timestamp || !signatures) return 'headers are missing';
  if (!/^\d+$/.test(timestamp)) return 'no timestamp';
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > toleranceSeconds) return 'too old, or of tomorrow';
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  return signatures.split(' ').includes(`v1,${expected}`) ? 'ok' : 'does not match';
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
async function receive(request, response) {
  const receivedAt = Date.now();
  lastAt = receivedAt;
  count += 1;
  const body = await bytesOf(request);
  const index = Number(/^\/e\/(\d+)$/.exec(request.url ?? '')?.[1] ?? -1);
  const endpoint = setup.endpoints[index];
  const id = String(request.headers['webhook-id']);
  const text = body.toString();
  const n = Number(/"n":(\d+)/.exec(text)?.[1] ?? -1);
  const uuid = /"id":"([^"]+)"/.exec(text)?.[1] ?? '';
  const signature = verdictOn(keys[index], request.headers, body);
  const given = endpoint ? await answer(endpoint, id, response) : await plain(response, 599);
  const retryAfter = response.getHeader('retry-after');
  await journal.write([
    index,
    id,
    n,
    uuid,
    hashOf(body),
    signature,
    receivedAt,
    Date.now(),
    given,
    retryAfter ?? '',
    Number(request.headers['x-crash-sender'] ?? 0),
  ]);
}

/**
 * @param {import('./plan.mjs').Endpoint} endpoint
 * @param {string} id
 * @param {import('node:http').ServerResponse} response
 */
async function answer(endpoint, id, response) {
  const seenHere = /** @type {Map<string, number>} */ (seenBefore[endpoint.index]);
  const seen = seenHere.get(id) ?? 0;
  const total = totals[endpoint.index] ?? 0;
  seenHere.set(id, seen + 1);
  totals[endpoint.index] = total + 1;
  if (endpoint.manner === 'gone') return manners['gone']?.(response, { seen, total, chance }) ?? 'none';
  if (setup.slowMs > 0 && endpoint.manner !== 'hang') {
    await new Promise((resolve) => {
      setTimeout(resolve, setup.slowMs);
    });
  }
  if (healed) return plain(response, 200);
  return manners[endpoint.manner]?.(response, { seen, total, chance }) ?? plain(response, 200);
}

const server = createServer((request, response) => {
  receive(request, response).catch((/** @type {Error} */ error) => {
    // The peer hung up before its body was in: no request, nothing to journal.
    if (!response.destroyed) response.destroy(error);
  });
});
server.keepAliveTimeout = 30_000;
server.on('clientError', (_error, socket) => socket.destroy());
process.on('message', (/** @type {any} */ message) => {
  if (message === 'heal') healed = true;
  if (message === 'status') process.send?.({ lastAt, count });
  if (message === 'stop') {
    server.closeAllConnections();
    server.close();
    // What is still being written down comes first.
    setTimeout(() => void journal.close().then(() => process.exit(0)), 300);
  }
});
process.on('disconnect', () => process.exit(1));
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: /** @type {import('node:net').AddressInfo} */ (server.address()).port });
});
