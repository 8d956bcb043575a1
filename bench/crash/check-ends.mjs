// @ts-check
// I1, I2, I3, I9: how every event ended, by the journals and by the database.
import { deliveryOf } from './database-state.mjs';
import { hitKey } from './history.mjs';

/** @typedef {import('./checker.mjs').Case} Case */
/** @typedef {import('./history.mjs').Told} Told */

/** Answers that a sender may take for a 2xx. @param {string} given */
export const isAccepted = (given) => /^2\d\d$/.test(given);
const mayBeAccepted = (/** @type {string} */ given) =>
  isAccepted(given) || given === '2xx?' || given === 'cut';
/** Endpoints whose deliveries may also end cancelled. */
const endsEarly = new Set(['gone', 'switch']);
const goneStatus = '410';

/** @param {Case} the */
export function checkEnds(the) {
  const { history, counts, violate } = the;
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
function checkAcked({ history, state, evidence, violate }, n, event, tally) {
  if (!state.messages.has(event.messageId)) {
    violate('I9', `event ${n} was acknowledged as ${event.messageId}, which is not in the database`);
  }
  for (const endpoint of history.expected(event)) {
    const hits = history.hits.get(hitKey(n, endpoint.index)) ?? [];
    const row = deliveryOf(state, event.messageId, endpoint.id);
    const end = row?.state ?? 'no delivery';
    const arrived = hits.some(({ given }) => mayBeAccepted(given));
    const mayEnd =
      endsEarly.has(endpoint.manner) && (end === 'cancelled' || end === 'no delivery' || end === 'exhausted');
    if (arrived) tally['delivered'] = (tally['delivered'] ?? 0) + 1;
    else if (end === 'exhausted' && (row?.failed ?? 0) >= 1)
      tally['exhausted'] = (tally['exhausted'] ?? 0) + 1;
    else if (mayEnd) tally['cancelled'] = (tally['cancelled'] ?? 0) + 1;
    else {
      tally['lost'] = (tally['lost'] ?? 0) + 1;
      violate(
        'I1',
        `event ${n} (${event.messageId}) at endpoint ${endpoint.index} ${endpoint.manner}: ${end}`,
      );
    }
    if (
      end === 'cancelled' &&
      endpoint.manner === 'switch' &&
      event.endMs < (evidence.switched?.askedMs ?? 0) - 60_000
    ) {
      violate('I1', `event ${n} was cancelled at endpoint ${endpoint.index} long before that was disabled`);
    }
  }
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
 * @param {Case} the
 * @param {{ key: string, row: import('./database-state.mjs').DeliveryRow, hits: import('./history.mjs').Hit[] }} found
 */
function checkDelivery({ violate, evidence }, { key, row, hits }) {
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
