// @ts-check
// The producer process: sends the planned events at a steady pace and journals what became of each.
//   plan [0, n, uuid, tenant, type, hash, poison]   before the first try
//   end  [1, n, 'ack' | 'refused' | 'ambiguous', message id, status, sent at, answered at, tries]
import { setTimeout as pause } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { openJournal } from './journal.mjs';
import { planEvent } from './plan.mjs';

/**
 * @typedef {object} Setup
 * @property {number} seed
 * @property {number} events to have accepted
 * @property {number} perSecond 0: as fast as answers come
 * @property {string[]} urls
 * @property {string} token
 * @property {string} journalPath
 * @property {import('./plan.mjs').Mix} mix
 * @property {number} [outstandingMax]
 * @typedef {{ kind: 'ack' | 'refused' | 'ambiguous', status: number, id: string }} Result
 */

const answerTimeoutMs = 8_000;
const retryEveryMs = 300;
const giveUpAfterMs = 180_000;
const avoidMs = 1_000;
/** Some are refused, and some stay ambiguous: so many more are sent at most. */
const sentPerAcceptedMax = 1.2;

/** @type {Setup} */
const setup = await new Promise((resolve) => {
  process.once('message', (/** @type {any} */ message) => resolve(message));
});
const journal = await openJournal(setup.journalPath);
const agent = new Agent({ connections: 128, connect: { timeout: 1_000 } });
const avoidUntil = setup.urls.map(() => 0);
const counts = { acked: 0, refused: 0, ambiguous: 0, retried: 0, sent: 0 };
/** The last event that was acked with an id and a key of its own: poison asks for the same. */
const taken = { eventId: '', key: '', tenant: '' };
let stopped = false;
let turn = 0;

function nextUrl() {
  for (let tries = 0; tries < setup.urls.length; tries += 1) {
    turn = (turn + 1) % setup.urls.length;
    if ((avoidUntil[turn] ?? 0) <= Date.now()) break;
  }
  return turn;
}

/** @param {import('./plan.mjs').PlannedEvent} event */
function requestOf(event) {
  const { poison, payload, type, uuid, n } = event;
  const tenant =
    poison === 'no_tenant' ? 'nobody' : poison.startsWith('taken') ? taken.tenant || 'nobody' : event.tenant;
  const eventId = poison === 'taken_event_id' ? taken.eventId : event.hasEventId && !poison ? uuid : '';
  const key = poison === 'taken_key' ? taken.key : event.hasKey && !poison ? `key-${n}-${uuid}` : '';
  const eventType = poison === 'no_type' ? '' : `"eventType":"${type}",`;
  const body = `{${eventType}${eventId ? `"eventId":"${eventId}",` : ''}"payload":${payload}}`;
  /** @type {Record<string, string>} */
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${poison === 'wrong_token' ? 'not-the-token-at-all' : setup.token}`,
  };
  if (key) headers['idempotency-key'] = key;
  return { path: `/api/v1/app/${tenant}/msg?with_content=false`, body, headers, eventId, key };
}

/**
 * @param {ReturnType<typeof requestOf>} wanted
 * @returns {Promise<Result>}
 */
async function tryOnce(wanted) {
  const place = nextUrl();
  try {
    const { statusCode: status, body } = await request(`${setup.urls[place]}${wanted.path}`, {
      method: 'POST',
      headers: wanted.headers,
      body: wanted.body,
      dispatcher: agent,
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
    });
    const text = await body.text();
    const id = /msg_[A-Za-z0-9_-]+/.exec(text)?.[0] ?? '';
    if (status >= 200 && status < 300) return { kind: 'ack', status, id };
    return { kind: status >= 500 || status === 429 ? 'ambiguous' : 'refused', status, id };
  } catch {
    avoidUntil[place] = Date.now() + avoidMs;
    return { kind: 'ambiguous', status: 0, id: '' };
  }
}

/** @param {number} n */
async function send(n) {
  const event = planEvent(setup.seed, n, setup.mix);
  await journal.write([0, n, event.uuid, event.tenant, event.type, event.hash, event.poison]);
  const wanted = requestOf(event);
  const sentAt = Date.now();
  let tries = 1;
  let result = await tryOnce(wanted);
  const mayRetry = !event.poison && (event.hasEventId || event.hasKey);
  while (result.kind === 'ambiguous' && mayRetry && Date.now() - sentAt < giveUpAfterMs) {
    await pause(retryEveryMs * Math.min(tries, 5));
    tries += 1;
    counts.retried += 1;
    result = await tryOnce(wanted);
    // The event id is taken by our own earlier try: it was stored then.
    if (result.status === 409) result = { ...result, kind: 'ack' };
  }
  if (result.kind === 'ack' && wanted.eventId && wanted.key && !event.poison) {
    Object.assign(taken, { eventId: wanted.eventId, key: wanted.key, tenant: event.tenant });
  }
  counts[result.kind === 'ack' ? 'acked' : result.kind] += 1;
  await journal.write([1, n, result.kind, result.id, result.status, sentAt, Date.now(), tries]);
}

async function run() {
  const outstandingMax = setup.outstandingMax ?? 400;
  const running = new Set();
  const startedAt = Date.now();
  const triesMost = setup.events * sentPerAcceptedMax + outstandingMax;
  for (let n = 0; n < triesMost && !stopped; n += 1) {
    while (running.size >= outstandingMax || counts.acked + running.size >= setup.events) {
      if (running.size === 0) break;
      await Promise.race(running);
    }
    if (counts.acked >= setup.events) break;
    const dueAt = setup.perSecond > 0 ? startedAt + (n / setup.perSecond) * 1000 : 0;
    if (dueAt - Date.now() > 1) await pause(dueAt - Date.now());
    const sending = send(n).finally(() => running.delete(sending));
    running.add(sending);
    counts.sent += 1;
  }
  await Promise.all(running);
  await journal.close();
  process.send?.({ done: true, counts });
}

process.on('message', (message) => {
  if (message === 'status') process.send?.({ counts });
  if (message === 'stop') stopped = true;
});
process.on('disconnect', () => process.exit(1));
await run();
