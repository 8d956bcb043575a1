// @ts-check
// How the producer sends an event as GitHub would: signed, to a source's path, and again until it is answered with 2xx;
// some also several times at once, and some again though they were answered. All of it under one X-GitHub-Delivery.
//   end [1, n, 'ack' | 'aside' | 'refused' | 'ambiguous', '', status, sent at, first 2xx at, tries, 2xx answers]
//   odd [2, n, status, why]   an answer that no provider should get
import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { randomFrom } from './random.mjs';

/** @typedef {import('./producer.mjs').Tools} Tools */
/** @typedef {{ id: string, path: string, secret: string }} Source */
/** @typedef {{ path: string, method: string, headers: Record<string, string>, body?: string }} Wanted */
/** @typedef {{ tries: number, acks: number, firstAckAt: number, status: number, refused: boolean }} Tally */

export const inboundPoisonShare = 0.03;
export const inboundPoisons = ['no_source', 'wrong_method', 'wrong_secret', 'altered_body', 'taken_id'];

const aloneShare = 0.6;
const atOnceMost = 5;
const repeatedShare = 0.1;
const repeatAfterMs = 2_000;
/** Nobody has it. */
const noPath = `/in/${'0'.repeat(43)}`;
const unavailable = 503;
const tooMany = 429;

const isAck = (/** @type {number} */ status) => status >= 200 && status < 300;
const isAmbiguous = (/** @type {number} */ status) => status === 0 || status >= 500 || status === tooMany;

/** @param {Tools} tools @returns {(event: import('./plan.mjs').PlannedEvent) => Promise<void>} */
export function createInboundSender({ setup, journal, counts, ask, again }) {
  /** By tenant: the delivery id that was acked last. @type {Map<string, string>} */
  const taken = new Map();

  /** @param {Wanted} wanted @param {Tally} tally @param {{ n: number, sentAt: number, mayRetry: boolean }} about */
  async function untilAnswered(wanted, tally, { n, sentAt, mayRetry }) {
    for (let tries = 1; ; tries += 1) {
      tally.tries += 1;
      const { status, headers } = await ask(wanted.path, wanted);
      tally.status = Math.max(tally.status, status);
      if (isAck(status)) {
        tally.acks += 1;
        tally.firstAckAt ||= Date.now();
        return;
      }
      if (status >= 500 && !(status === unavailable && Number(headers['retry-after']) > 0)) {
        await journal.write([2, n, status, 'not a 503 with Retry-After']);
      }
      if (!isAmbiguous(status)) {
        tally.refused = true;
        return;
      }
      if (!mayRetry || !(await again(sentAt, tries))) return;
      counts.retried += 1;
    }
  }

  return async (event) => {
    const { n, tenant, poison, uuid } = event;
    const source = setup.sources?.[tenant];
    if (!source) throw new Error(`no source for ${tenant}`);
    const wanted = wantedOf(event, source, taken.get(tenant) ?? '');
    const chance = randomFrom(setup.seed ^ Math.imul(n + 1, 0x2545f491));
    const alone = poison !== '' || chance() < aloneShare;
    const copies = setup.copies || (alone ? 1 : 2 + Math.floor(chance() * (atOnceMost - 1)));
    const sentAt = Date.now();
    /** @type {Tally} */
    const tally = { tries: 0, acks: 0, firstAckAt: 0, status: 0, refused: false };
    const about = { n, sentAt, mayRetry: poison === '' || poison === 'taken_id' };
    const sendOne = () => untilAnswered(wanted, tally, about);
    await Promise.all(Array.from({ length: poison ? 1 : copies }, sendOne));
    if (tally.acks > 0 && !setup.copies && !poison && chance() < repeatedShare) {
      await pause(chance() * repeatAfterMs);
      await sendOne();
    }
    const kind = resultOf(tally, poison);
    if (kind === 'ack') taken.set(tenant, uuid);
    counts[kind === 'ack' ? 'acked' : kind] += 1;
    const { status, firstAckAt, tries, acks } = tally;
    await journal.write([1, n, kind, '', status, sentAt, firstAckAt || Date.now(), tries, acks]);
  };
}

/** @param {Tally} tally @param {string} poison */
function resultOf({ acks, refused }, poison) {
  if (acks > 0) return poison === 'taken_id' ? 'aside' : 'ack';
  return refused ? 'refused' : 'ambiguous';
}

/**
 * The request that the event is, and each of its repetitions. `takenId` came before, with another body; while there is
 * none, the request goes where no source is.
 * @param {import('./plan.mjs').PlannedEvent} event @param {Source} source @param {string} takenId @returns {Wanted}
 */
function wantedOf({ payload, type, uuid, poison }, { path, secret }, takenId) {
  const key = poison === 'wrong_secret' ? `${secret}!` : secret;
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/crash',
    'x-github-event': type,
    'x-github-delivery': poison === 'taken_id' ? takenId : uuid,
    'x-hub-signature-256': `sha256=${createHmac('sha256', key).update(payload).digest('hex')}`,
  };
  if (poison === 'wrong_method') return { path, method: 'PUT', headers, body: payload };
  const body = poison === 'altered_body' ? payload.replace('1.0', '2.0') : payload;
  const isLost = poison === 'no_source' || (poison === 'taken_id' && takenId === '');
  return { path: isLost ? noPath : path, method: 'POST', headers, body };
}
