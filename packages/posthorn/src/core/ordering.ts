// Endpoints that get their messages in order, one at a time: what an attempt means for those behind it. The order is that
// of the endpoint, or of each key (`mode`).
//
//   block: nothing goes before the one in front has succeeded or is exhausted
//   skip:  one that fails goes on by its schedule, and those behind it go on
import type { Transition } from './settle.ts';

/** What becomes of those behind a delivery that failed. */
export type Ordering = 'block' | 'skip';

/**
 * Whether those behind wait until the transition is stored. Also when it is exhausted: a process that dies before it
 * has written that down leaves the delivery to be tried again, and it may arrive then.
 */
export function holdsUp(ordering: Ordering | null, { state }: Transition): boolean {
  return ordering === 'block' && state !== 'succeeded';
}

/** A delivery whose key's turn it is, at an endpoint that has an order by key. Unix milliseconds. */
export interface Turn {
  ordering: Ordering;
  /** When what it tells happened; undefined when that is not known. */
  eventAtMs?: number;
  /** The newest that was delivered for the key; undefined when there is none, or nobody wants to know. */
  newestAtMs?: number;
}

/** Something that happened later was delivered. What happened at the same moment, or nobody knows when, is not older. */
export function isOutdated({ eventAtMs, newestAtMs }: Pick<Turn, 'eventAtMs' | 'newestAtMs'>): boolean {
  return eventAtMs !== undefined && newestAtMs !== undefined && eventAtMs < newestAtMs;
}

// Clocks of senders are off, and some say milliseconds where seconds are meant: one event from the far future would make
// every later one old.
const aheadMaxMs = 60 * 60 * 1_000;

/** When an event happened (whole Unix milliseconds), as far as it can be believed of what comes in at `nowMs`. */
export function eventTime(saidMs: number | undefined, nowMs: number): number | undefined {
  if (saidMs === undefined || !Number.isFinite(saidMs)) return undefined;
  const wholeMs = Math.round(saidMs);
  return wholeMs < 0 || wholeMs > nowMs + aheadMaxMs ? undefined : wholeMs;
}
