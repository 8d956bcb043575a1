// @ts-check
// I8: what endpoints with an order received, against what the producer was told when.
import { deliveryOf } from './database-state.mjs';
import { hitKey, placeOf } from './history.mjs';
import { orderKeyOf } from './plan.mjs';

/** @typedef {import('./checker.mjs').Case} Case */
/** @typedef {import('./history.mjs').Hit} Hit */

/** Answers that a sender may take for a 2xx. */
const mayBeAccepted = new Set(['200', 'cut']);
/** What `ordering` an endpoint of this manner is made with. @type {Record<string, { mode: string, onFailure: string }>} */
export const orderings = {
  fifo: { mode: 'fifo', onFailure: 'block' },
  fifo_skip: { mode: 'fifo', onFailure: 'skip' },
  key: { mode: 'key', onFailure: 'block' },
};

/**
 * @typedef {object} Arrival an event at one endpoint
 * @property {number} n
 * @property {number} sentMs
 * @property {number} ackedMs
 * @property {number} seenMs when it was first received, or when an attempt that never arrived began
 * @property {number} endedMs when it was first accepted, or tried for the last time
 */

/** @param {Case} the */
export function checkOrder(the) {
  let inOrder = 0;
  for (const endpoint of the.evidence.endpoints) {
    const ordering = orderings[endpoint.manner];
    // GitHub says of no event what it is about: those without a key have no order.
    if (!ordering || (ordering.mode === 'key' && the.evidence.inbound)) continue;
    const arrivals = arrivalsAt(the, endpoint);
    inOrder += arrivals.length;
    const orderOf = (/** @type {number} */ n) => (ordering.mode === 'key' ? orderKeyOf(n) : '');
    for (const order of new Set(arrivals.map(({ n }) => orderOf(n)))) {
      const isIn = (/** @type {number} */ n) => orderOf(n) === order;
      checkAccepted(
        the,
        endpoint,
        arrivals.filter(({ n }) => isIn(n)),
      );
      checkOneAtATime(the, endpoint, isIn);
    }
  }
  the.counts['inOrder'] = inOrder;
}

/** @param {Case} the @param {import('./plan.mjs').Endpoint} endpoint @returns {Arrival[]} */
function arrivalsAt({ history, state }, { index, id }) {
  /** @type {Arrival[]} */
  const arrivals = [];
  for (const [n, event] of history.events) {
    const hits = history.hits.get(hitKey(n, index));
    const [first] = hits ?? [];
    if (!hits || !first || event.result !== 'ack') continue;
    const end = hits.find(({ given }) => mayBeAccepted.has(given)) ?? hits.at(-1) ?? first;
    const { sentMs, endMs: ackedMs } = event;
    const failedMs = deliveryOf(state, first.id, id)?.firstFailedMs ?? first.receivedMs;
    const seenMs = Math.min(first.receivedMs, failedMs);
    arrivals.push({ n, sentMs, ackedMs, seenMs, endedMs: end.answeredMs });
  }
  return arrivals;
}

/**
 * Whatever was acknowledged before another one was sent comes before it; with 'block' it has also ended before.
 * @param {Case} the
 * @param {import('./plan.mjs').Endpoint} endpoint
 * @param {Arrival[]} arrivals
 */
function checkAccepted({ violate }, { index, manner }, arrivals) {
  const blocks = orderings[manner]?.onFailure === 'block';
  const timeOf = (/** @type {Arrival} */ arrival) => (blocks ? arrival.endedMs : arrival.seenMs);
  const acked = arrivals.toSorted((a, b) => a.ackedMs - b.ackedMs);
  let place = 0;
  /** The one that took longest of those acknowledged so far. @type {Arrival | undefined} */
  let latest;
  for (const arrival of arrivals.toSorted((a, b) => a.sentMs - b.sentMs)) {
    for (let before = acked[place]; before && before.ackedMs < arrival.sentMs; before = acked[place]) {
      if (!latest || timeOf(before) > timeOf(latest)) latest = before;
      place += 1;
    }
    if (!latest || timeOf(latest) <= arrival.seenMs) continue;
    const earlyMs = timeOf(latest) - arrival.seenMs;
    const what = blocks ? 'had ended' : 'was tried';
    violate(
      'I8',
      `event ${arrival.n} came to endpoint ${index} ${earlyMs} ms before event ${latest.n} ${what}`,
    );
  }
}

/**
 * But for a process that was taken for dead while its request was under way.
 * @param {Case} the
 * @param {import('./plan.mjs').Endpoint} endpoint
 * @param {(n: number) => boolean} isIn whether the event belongs to this order
 */
function checkOneAtATime({ history, windows, violate }, { index }, isIn) {
  const hits = [...history.hits].flatMap(([key, list]) => {
    const place = placeOf(key);
    return place.index === index && isIn(place.n) ? list : [];
  });
  /** @type {Hit | undefined} */
  let before;
  for (const hit of hits.toSorted((a, b) => a.receivedMs - b.receivedMs)) {
    if (before && hit.receivedMs < before.answeredMs && windows.isQuiet(before.receivedMs, hit.answeredMs)) {
      violate('I8', `${hit.id} came to endpoint ${index} while ${before.id} was under way`);
    }
    if (!before || hit.answeredMs > before.answeredMs) before = hit;
  }
}
