// The clock that all processes of a run share: CLOCK_MONOTONIC, which has one origin per machine, not per process.

/** Milliseconds with a fraction. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
}
