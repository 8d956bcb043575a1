// @ts-check
// The producer process: sends the planned events at a steady pace and journals what became of each.
//   plan [0, n, uuid, tenant, type, hash, poison]   before the first try
//   end  [1, n, ...]                                see the sender
import { setTimeout as pause } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { apiPoisons, apiPoisonShare, createApiSender } from './api-sender.mjs';
import { createInboundSender, inboundPoisons, inboundPoisonShare } from './inbound-sender.mjs';
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
 * @property {number} outstandingMax events
 * @property {Record<string, import('./inbound-sender.mjs').Source>} [sources] by tenant: sends to them, as GitHub would
 * @property {number} [copies] of each event, at the same time; 0 or missing: of some, a few
 * @typedef {object} Answer
 * @property {number} status 0: none
 * @property {string} text
 * @property {Record<string, string | string[] | undefined>} headers
 * @typedef {object} Tools what a sender works with
 * @property {Setup} setup
 * @property {import('./journal.mjs').Journal} journal
 * @property {Record<'acked' | 'refused' | 'aside' | 'ambiguous' | 'retried' | 'sent' | 'unavailable', number>} counts
 * @property {(path: string, wanted: { method: string, headers: Record<string, string>, body?: string }) => Promise<Answer>} ask
 * @property {(sentAt: number, tries: number) => Promise<boolean>} again waits before another try; false: it is given up
 */

const unavailable = 503;
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
const counts = { acked: 0, refused: 0, aside: 0, ambiguous: 0, retried: 0, sent: 0, unavailable: 0 };
let stopped = false;
let turn = 0;

function nextUrl() {
  for (let tries = 0; tries < setup.urls.length; tries += 1) {
    turn = (turn + 1) % setup.urls.length;
    if ((avoidUntil[turn] ?? 0) <= Date.now()) break;
  }
  return turn;
}

/** @type {Tools['ask']} */
async function ask(path, { method, headers: own, body: content }) {
  const place = nextUrl();
  try {
    const { statusCode, headers, body } = await request(`${setup.urls[place]}${path}`, {
      method,
      headers: own,
      body: content ?? null,
      dispatcher: agent,
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
    });
    if (statusCode === unavailable) counts.unavailable += 1;
    return { status: statusCode, text: await body.text(), headers };
  } catch {
    avoidUntil[place] = Date.now() + avoidMs;
    return { status: 0, text: '', headers: {} };
  }
}

/** @type {Tools['again']} */
async function again(sentAt, tries) {
  if (Date.now() - sentAt >= giveUpAfterMs) return false;
  await pause(retryEveryMs * Math.min(tries, 5));
  return true;
}

const tools = { setup, journal, counts, ask, again };
const sendEvent = setup.sources ? createInboundSender(tools) : createApiSender(tools);
const poisons = setup.sources ? inboundPoisons : apiPoisons;
const poisonShare = setup.sources ? inboundPoisonShare : apiPoisonShare;

/** @param {number} n */
async function send(n) {
  const event = planEvent(setup.seed, n, { mix: setup.mix, poisons, poisonShare });
  await journal.write([0, n, event.uuid, event.tenant, event.type, event.hash, event.poison]);
  await sendEvent(event);
}

async function run() {
  const { outstandingMax } = setup;
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
    const earlyMs = dueAt - Date.now();
    if (earlyMs > 1) await pause(earlyMs);
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
