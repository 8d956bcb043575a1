// How long a statement of the hot path waits for a row that somebody else has locked. Rows are held for milliseconds; one
// that is held for longer belongs to a process that froze with half a statement sent, or to a transaction somebody forgot.
// Whoever shares the statement must not wait for that, and statement_timeout is far too long.

/** In the place of a condition that is true: of the first rows that the statement reads, before it locks any. */
export const waitsForLocks = (maxMs: number): string =>
  // A subquery is asked once. What it sets holds from there on, until the transaction ends: no round trip of its own.
  `(select set_config('lock_timeout', '${maxMs}', true)) is not null`;
