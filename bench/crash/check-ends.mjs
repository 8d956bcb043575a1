// @ts-check
// I1, I2, I3, I9: how every event ended, by the journals and by the database.
import { isAccepted, isSettled, mayBeAccepted, mayBeTooLate } from './answered.mjs';
import { deliveryOf } from './database-state.mjs';
import { hitKey } from './history.mjs';

/** @typedef {import('./checker.mjs').Case} Case */
/** @typedef {{ key: string, row: import('./database-state.mjs').DeliveryRow, hits: Hit[] }} Found */
/** @typedef {import('./history.mjs').Hit} Hit */
/** @typedef {import('./history.mjs').Told} Told */

const goneStatus = '410';
/** How long an event may have waited, or waited to be tried again, when its endpoint was disabled: with and without a fault. */
const waitsFaultMs = 60_000;
const waitsQuietMs = 15_000;

/** @param {Case} the */
export function checkEnds(the) {
  const { history, state, counts, violate } = the;
  const tally = {
    events: 0,
    acked: 0,
    refused: 0,
    aside: 0,
    ambiguous: 0,
    lost: 0,
    delivered: 0,
    exhausted: 0,
    cancelled: 0,
  };
  for (const [n, event] of history.events) {
    tally.events += 1;
    const hits = history.expected(event).flatMap(({ index }) => history.hits.get(hitKey(n, index)) ?? []);
    const ids = new Set(hits.map(({ id }) => id));
    for (const id of ids)
      if (!state.messages.has(id))
        violate('I9', `event ${n} went out as ${id}, which is not in the database`);
    if (ids.size > 1) violate('I2', `event ${n} went out as ${ids.size} messages: ${[...ids].join(', ')}`);
    if (event.messageId && event.result === 'ack' && ids.size > 0 && !ids.has(event.messageId)) {
      violate(
        'I2',
        `event ${n} was acknowledged as ${event.messageId} and went out as ${[...ids].join(', ')}`,
      );
    }
    if (event.poison && event.result === 'ack') violate('I3', `event ${n} (${event.poison}) was accepted`);
    if (event.poison || event.result === 'refused') checkRefused(the, n, event);
    if (event.result === 'unknown') violate('run', `event ${n} has no result in the producer's journal`);
    else if (event.result === 'ack') {
      tally.acked += 1;
      if (!event.poison) checkAcked(the, n, event, tally);
    } else tally[event.result] += 1;
  }
  Object.assign(counts, tally);
}

/** @param {Case} the @param {number} n @param {Told} event */
function checkRefused({ history, evidence, violate }, n, event) {
  if (!event.poison) violate('I3', `event ${n} was refused with ${event.status} without a reason`);
  for (const { index } of evidence.endpoints) {
    if (history.hits.has(hitKey(n, index))) violate('I3', `event ${n} was refused and delivered to ${index}`);
  }
}

/**
 * @param {Case} the
 * @param {number} n
 * @param {Told} event
 * @param {Record<string, number>} tally
 */
function checkAcked(the, n, event, tally) {
  const { history, state, violate } = the;
  if (!state.messages.has(event.messageId)) {
    violate('I9', `event ${n} was acknowledged as ${event.messageId}, which is not in the database`);
  }
  for (const endpoint of history.expected(event)) {
    const hits = history.hits.get(hitKey(n, endpoint.index)) ?? [];
    const row = deliveryOf(state, event.messageId, endpoint.id);
    const end = row?.state ?? 'no delivery';
    const arrived = hits.some(({ given }) => mayBeAccepted(given));
    if (!row) checkUnrecorded(the, { n, endpoint, hits });
    if (arrived) tally['delivered'] = (tally['delivered'] ?? 0) + 1;
    else if (end === 'exhausted' && (row?.failed ?? 0) >= 1)
      tally['exhausted'] = (tally['exhausted'] ?? 0) + 1;
    else if (mayEndEarly(the, event, endpoint, end)) tally['cancelled'] = (tally['cancelled'] ?? 0) + 1;
    else {
      tally['lost'] = (tally['lost'] ?? 0) + 1;
      violate(
        'I1',
        `event ${n} (${event.messageId}) at endpoint ${endpoint.index} ${endpoint.manner}: ${end}`,
      );
    }
    if (end === 'cancelled' && !mayEndEarly(the, event, endpoint, end)) {
      violate('I1', `event ${n} was cancelled at endpoint ${endpoint.index} without a reason`);
    }
  }
}

/**
 * Whether its endpoint was disabled then: an event accepted afterwards has no delivery, one that still waited is cancelled.
 * @param {Case} the
 * @param {Told} event
 * @param {import('./plan.mjs').Endpoint} endpoint
 * @param {string} end
 */
function mayEndEarly({ history, evidence, windows }, { endMs }, { index, manner }, end) {
  const disabledMs = manner === 'switch' ? evidence.switched?.askedMs : history.goneMs.get(index);
  if (disabledMs === undefined) return false;
  if (end === 'no delivery') return endMs >= disabledMs;
  const waitsMs = windows.isQuiet(endMs, disabledMs) ? waitsQuietMs : waitsFaultMs;
  return end === 'cancelled' && endMs >= disabledMs - waitsMs;
}

/** No delivery was made for these requests. @param {Case} the @param {{ n: number, endpoint: import('./plan.mjs').Endpoint, hits: Hit[] }} found */
function checkUnrecorded({ violate }, { n, endpoint, hits }) {
  if (hits.length > 0)
    violate('I9', `event ${n} came to endpoint ${endpoint.index}, and no delivery is in the database`);
}

/** @param {Case} the */
export function checkDatabase(the) {
  const { state, history, evidence, violate } = the;
  const { left } = state;
  if (!evidence.ended) violate('I9', 'deliveries were still open when waiting was given up');
  if (left.leased > 0) violate('I9', `${left.leased} deliveries are leased though no process runs`);
  if (left.waiting > 0) violate('I9', `${left.waiting} deliveries still wait`);
  if (left.owners > 0) violate('I9', `${left.owners} processes are registered though none runs`);
  const messageOf = new Map();
  for (const [id, { n }] of state.messages) {
    const event = history.events.get(n);
    if (!event) violate('I9', `message ${id} belongs to no event`);
    else if (event.poison || event.result === 'refused')
      violate('I3', `event ${n} was refused and is stored as ${id}`);
    if (messageOf.has(n)) violate('I2', `event ${n} is stored twice: ${messageOf.get(n)} and ${id}`);
    messageOf.set(n, id);
  }
  if (state.orphans > 0) violate('I9', `${state.orphans} deliveries belong to no message`);
  const byId = new Map(evidence.endpoints.map((endpoint) => [endpoint.id, endpoint]));
  for (const [id, { n, deliveries }] of state.messages) {
    const event = history.events.get(n);
    for (const row of deliveries) {
      const endpoint = byId.get(row.endpointId);
      const key = `${id}/${row.endpointId}`;
      if (endpoint && event && endpoint.tenant === event.tenant) {
        checkDelivery(the, { key, row, hits: history.hits.get(hitKey(n, endpoint.index)) ?? [] });
      } else violate('I7', `delivery ${key} joins ${event?.tenant} with ${endpoint?.tenant}`);
    }
  }
}

/**
 * What the receivers saw is in the database.
 * @param {Case} the
 * @param {Found} found
 */
function checkRecorded(the, { key, row, hits }) {
  const { violate, windows, evidence } = the;
  const settled = hits.filter((hit) => isSettled(the, hit));
  const accepted = settled.filter((hit) => isAccepted(hit.given) && !mayBeTooLate(the, hit)).length;
  const failed = settled.filter(({ given }) => !mayBeAccepted(given)).length;
  if (accepted > 0 && row.state !== 'succeeded') violate('I9', `${key} got a 2xx and is ${row.state}`);
  if (row.accepted < accepted)
    violate('I9', `${key}: ${accepted} answers with 2xx, ${row.accepted} recorded as accepted`);
  if (row.failed < failed) violate('I9', `${key}: ${failed} failures, ${row.failed} recorded`);
  const rows = row.accepted + row.failed;
  const [fromMs, toMs] = [hits[0]?.receivedMs ?? 0, hits.at(-1)?.answeredMs ?? Number.POSITIVE_INFINITY];
  const mayBeMore = windows.takenForDead(fromMs - evidence.attemptTimeoutMs, toMs);
  if (rows < row.attempts || rows > row.attempts + mayBeMore)
    violate('I9', `${key}: ${rows} attempts recorded, and ${row.attempts} counted`);
  if (row.state === 'cancelled' && row.accepted > 0 && mayBeMore === 0)
    violate('I9', `${key} is cancelled though an attempt was accepted`);
}

/** @param {Case} the @param {Found} found */
function checkDelivery(the, { key, row, hits }) {
  const { violate, evidence } = the;
  checkRecorded(the, { key, row, hits });
  const accepting = hits.filter(({ given }) => mayBeAccepted(given)).length;
  if (row.state === 'succeeded' && accepting === 0)
    violate('I9', `${key} succeeded, and no receiver accepted it`);
  if (row.state === 'succeeded' && row.accepted === 0)
    violate('I9', `${key} succeeded without an accepted attempt`);
  if (row.accepted > accepting) {
    violate('I9', `${key}: ${row.accepted} accepted attempts recorded, ${accepting} happened`);
  }
  if (row.state !== 'exhausted') return;
  const isGone = hits.some(({ given }) => given === goneStatus);
  if (!isGone && row.attempts < evidence.retrySchedule.length) {
    violate('I9', `${key} is exhausted after ${row.attempts} of ${evidence.retrySchedule.length} attempts`);
  }
  if (row.accepted > 0) violate('I9', `${key} is exhausted though an attempt was accepted`);
}
