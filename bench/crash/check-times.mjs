// @ts-check
// I4, I5, I6: what may come after what, and when.
import { isAccepted, mayBeTooLate } from './answered.mjs';
import { orderings } from './check-order.mjs';
import { deliveryOf } from './database-state.mjs';
import { placeOf } from './history.mjs';

/** @typedef {import('./checker.mjs').Case} Case */
/** @typedef {import('./history.mjs').Hit} Hit */

const clockSlackMs = 30;
/** A signal is noted before it works: on a busy machine 60 ms were seen between the two. */
const signalSlackMs = 150;
/** A record dates its answer back from when it reached the database, late on a busy machine: the receiver knows better. */
const recordLateMs = 2_000;
/** For the count of what was in flight at a fault: how long an answer usually takes to be written down. */
const writtenMs = 300;
/** The same of an answer that the database does not know, on a busy machine. */
const writtenBusyMs = 8_000;
/** Of an order that waits for a failure to be written down, the answers before it may be older. */
const writtenInOrderMs = 2_000;
/** How much later than its time a retry may come while nothing is wrong, unless a run says otherwise. */
const lateDefaultMs = 15_000;
/** One that waits for its turn in an order comes after what was claimed before it, 200 at most, one at a time. */
const lateInOrderMs = 40_000;
const jitterRatio = 0.2;
/** An endpoint's configuration may be a second old, an attempt lasts up to its timeout, machines are busy. */
const graceMs = 6_000;
/** They fail so often that a breaker may hold them back for a while. */
const heldBack = new Set(['dead', 'hang', 'retry_after', 'gone']);
/** Where no first attempt succeeds the breaker holds new ones back: 96 s were seen, without one request in them. */
const firstHeldBack = new Set([...heldBack, 'reset']);

/** @param {Case} the */
export function checkDuplicates(the) {
  const { history, state, evidence, violate, counts } = the;
  const isFaultFree = evidence.record.length === 0;
  let duplicates = 0;
  let bound = 0;
  for (const [key, hits] of history.hits) {
    const { n, index } = placeOf(key);
    const row = deliveryOf(state, hits[0]?.id ?? '', evidence.endpoints[index]?.id);
    bound += inFlight(the, hits, { row, endpoint: evidence.endpoints[index] });
    const first = hits.find(({ given }) => isAccepted(given));
    if (!first) continue;
    let late = isFaultFree ? 0 : answeredTooLate(the, row, hits);
    for (const hit of hits.slice(hits.indexOf(first) + 1)) {
      duplicates += 1;
      late -= 1;
      if (late >= 0) continue;
      if (!excused(the, hits, hit)) {
        const ms = hit.receivedMs - first.answeredMs;
        violate(
          'I4',
          `event ${n} came to endpoint ${index} again ${ms} ms after its 2xx, and no fault explains it`,
        );
      } else if (cameAfterRecord(the, { row, hits, hit })) {
        const ms = Math.round(hit.receivedMs - (row?.firstAcceptedMs ?? 0));
        violate(
          'I4',
          `event ${n} came to endpoint ${index} again ${ms} ms after its success was recorded (${the.windows.before(hit.receivedMs)})`,
        );
      }
    }
  }
  counts['duplicates'] = duplicates;
  counts['recordedLate'] ??= 0;
  counts['duplicatesBound'] = bound;
  if (duplicates > bound)
    violate('I4', `${duplicates} duplicates, but only ${bound} requests were in flight at faults`);
}

/**
 * How many answers came when their attempt had ended: the database has more failures than the receiver gave, and so many
 * answers took as long as an attempt may, by the receiver's own clock, or had a frozen process behind them.
 * @param {Case} the
 * @param {import('./database-state.mjs').DeliveryRow | undefined} row
 * @param {Hit[]} hits
 */
function answeredTooLate(the, row, hits) {
  const unexplained = (row?.failed ?? 0) - hits.filter(({ given }) => !isAccepted(given)).length;
  if (unexplained <= 0) return 0;
  return Math.min(unexplained, hits.filter((hit) => isAccepted(hit.given) && mayBeTooLate(the, hit)).length);
}

/**
 * How many of the requests were in flight at a fault of the process that sent them: under way, or answered and not yet
 * written down. A busy machine writes late: of those that were accepted and that the database does not know, the ones
 * whose process met a fault before long count, too. 102 duplicates and 49 such requests were seen without them.
 * @param {Case} the
 * @param {Hit[]} hits
 * @param {{ row: import('./database-state.mjs').DeliveryRow | undefined, endpoint: import('./plan.mjs').Endpoint | undefined }} of
 */
function inFlight({ windows }, hits, { row, endpoint }) {
  const usuallyMs = (endpoint?.manner ?? '') in orderings ? writtenInOrderMs : writtenMs;
  const faultsWithin = (
    /** @type {Hit} */ { receivedMs, answeredMs, sender },
    /** @type {number} */ withinMs,
  ) => windows.excusingBetween(receivedMs, windows.settledBy(answeredMs, withinMs), sender);
  const known = hits.reduce((sum, hit) => sum + faultsWithin(hit, usuallyMs), 0);
  const accepted = hits.filter(({ given }) => isAccepted(given));
  const unrecorded = accepted.length - (row?.accepted ?? 0);
  const lost = accepted.filter((hit) => faultsWithin(hit, writtenBusyMs) > 0).length;
  return Math.max(known, Math.min(unrecorded, lost));
}

/** A 2xx before `again` that may have been lost excuses it. @param {Case} the @param {Hit[]} hits @param {Hit} again */
function excused({ windows }, hits, again) {
  return hits.some(
    (hit) =>
      hit !== again &&
      isAccepted(hit.given) &&
      hit.receivedMs <= again.receivedMs &&
      windows.mayBeLost(hit, again),
  );
}

/**
 * A success that is in the database was written under a lease that held, unless a process that had just thawed wrote it.
 * @param {Case} the
 * @param {{ row: import('./database-state.mjs').DeliveryRow | undefined, hits: Hit[], hit: Hit }} again
 */
function cameAfterRecord({ windows, counts }, { row, hits, hit }) {
  if (!row || row.accepted === 0 || !Number.isFinite(row.firstAcceptedMs)) return false;
  const byMs = windows.settledBy(row.firstAcceptedMs);
  if (windows.isThawing(row.firstAcceptedMs) || windows.isThawing(hit.receivedMs)) return false;
  // Killed after the answer and before the record: then the record is another attempt's, and this one came before it.
  // One that is frozen as the answer comes writes it when it goes on; the two times are from two clocks.
  const lateMs = (/** @type {Hit} */ { answeredMs }) => row.firstAcceptedMs - answeredMs;
  const recorded = hits.findLast(
    (one) => isAccepted(one.given) && lateMs(one) >= -clockSlackMs && lateMs(one) <= recordLateMs,
  );
  const faultSince = (/** @type {number} */ ms) => windows.excusingBetween(ms - signalSlackMs, byMs) > 0;
  if (hit.receivedMs <= byMs || faultSince(row.firstAcceptedMs)) return false;
  if (!recorded || !faultSince(recorded.answeredMs)) return true;
  counts['recordedLate'] = (counts['recordedLate'] ?? 0) + 1;
  return false;
}

/** @param {Case} the */
export function checkSchedule(the) {
  const { history, evidence, counts } = the;
  /** @type {Map<number, Hit[]>} */
  const gone = new Map();
  const late = { maxMs: 0 };
  const first = { maxMs: 0 };
  for (const [key, hits] of history.hits) {
    const { index } = placeOf(key);
    const manner = evidence.endpoints[index]?.manner;
    if (manner === 'gone') {
      const known = gone.get(index) ?? [];
      known.push(...hits);
      gone.set(index, known);
    }
    if (manner === 'switch') checkSwitched(the, key, hits);
    checkFirst(the, key, hits, first);
    checkGaps(the, key, hits, late);
  }
  counts['latestFirstMs'] = Math.round(first.maxMs);
  counts['latestRetryMs'] = Math.round(late.maxMs);
  for (const hits of gone.values()) {
    checkGone(
      the,
      hits.sort((a, b) => a.receivedMs - b.receivedMs),
    );
  }
}

/** The first attempt comes as soon as an event is accepted. @param {Case} the @param {number} key @param {Hit[]} hits @param {{ maxMs: number }} latest */
function checkFirst({ windows, violate, evidence, history }, key, hits, latest) {
  const { n, index } = placeOf(key);
  const { manner = '', types = [] } = evidence.endpoints[index] ?? {};
  const event = history.events.get(n);
  const [first] = hits;
  if (event?.result !== 'ack' || !first) return;
  if (firstHeldBack.has(manner) || types.includes('hostile') || manner in orderings) return;
  const waitedMs = first.receivedMs - event.endMs;
  const mostMs = evidence.lateMaxMs ?? lateDefaultMs;
  if (waitedMs <= Math.min(latest.maxMs, mostMs)) return;
  if (!windows.isQuiet(event.sentMs, first.receivedMs)) return;
  latest.maxMs = Math.max(latest.maxMs, waitedMs);
  if (waitedMs > mostMs)
    violate('I5', `event ${n} came to endpoint ${index} ${waitedMs} ms after it was accepted`);
}

/** @param {Case} the @param {number} key @param {Hit[]} hits @param {{ maxMs: number }} late */
function checkGaps({ windows, violate, evidence }, key, hits, late) {
  const { manner = '', types = [] } = evidence.endpoints[placeOf(key).index] ?? {};
  const mayBeHeldBack = heldBack.has(manner) || types.includes('hostile');
  const [begin, end] = [hits[0], hits.at(-1)];
  if (!begin || !end || hits.length < 2) return;
  const wholeIsQuiet = windows.isQuiet(begin.receivedMs, end.answeredMs);
  for (let place = 1; place < hits.length; place += 1) {
    const [before, after] = [/** @type {Hit} */ (hits[place - 1]), /** @type {Hit} */ (hits[place])];
    if (isAccepted(before.given) || !/^\d+$/.test(before.given)) continue;
    if (!windows.isQuiet(before.receivedMs, after.receivedMs)) continue;
    const scheduled = wholeIsQuiet ? (evidence.retrySchedule[place] ?? 0) : 1;
    const asked = /^\d+$/.test(before.retryAfter) ? Number(before.retryAfter) : 0;
    const waitedMs = after.receivedMs - before.answeredMs;
    const leastMs = Math.max(scheduled, asked, dateOf(before)) * 1000;
    if (waitedMs < leastMs - clockSlackMs)
      violate(
        'I5',
        `event ${placeOf(key).n} at endpoint ${placeOf(key).index}: attempt ${place + 1} after ${waitedMs} of ${leastMs} ms`,
      );
    if (!wholeIsQuiet || mayBeHeldBack) continue;
    const dueMs = Math.max(scheduled, asked, dateOf(before)) * 1000 * (1 + jitterRatio);
    late.maxMs = Math.max(late.maxMs, waitedMs - dueMs);
    if (waitedMs - dueMs > (evidence.lateMaxMs ?? (manner in orderings ? lateInOrderMs : lateDefaultMs)))
      violate(
        'I5',
        `event ${placeOf(key).n} at endpoint ${placeOf(key).index}: attempt ${place + 1} is ${Math.round(waitedMs - dueMs)} ms late`,
      );
  }
}

/** Seconds that a Retry-After date asked for. @param {Hit} hit */
function dateOf({ retryAfter, answeredMs }) {
  const ms = Date.parse(retryAfter);
  return Number.isFinite(ms) && /[a-z]/i.test(retryAfter) ? Math.max(0, (ms - answeredMs) / 1000) : 0;
}

/** @param {Case} the @param {number} key @param {Hit[]} hits */
function checkSwitched({ evidence, windows, violate }, key, hits) {
  const { switched } = evidence;
  if (!switched) return;
  for (const { receivedMs } of hits) {
    const byMs = windows.settledBy(switched.doneMs) + graceMs;
    if (receivedMs > byMs && !windows.isThawing(receivedMs)) {
      violate(
        'I6',
        `event ${placeOf(key).n} arrived ${receivedMs - switched.doneMs} ms after the endpoint was disabled`,
      );
    }
  }
}

/** Each 410 must end it, unless a fault kept the answer from being written down. @param {Case} the @param {Hit[]} hits */
function checkGone({ windows, violate }, hits) {
  const last = hits.at(-1);
  if (!last) return;
  const heard = hits.find(
    ({ given, receivedMs, answeredMs }) =>
      given === '410' && windows.isQuiet(receivedMs, answeredMs + graceMs),
  );
  if (!heard) return;
  for (const { receivedMs } of hits) {
    if (receivedMs > heard.answeredMs + graceMs && !windows.isThawing(receivedMs)) {
      violate('I6', `a request ${receivedMs - heard.answeredMs} ms after the endpoint had said 410`);
    }
  }
}
