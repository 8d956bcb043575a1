// The only reader of the system clock; everything else takes `now` or a Clock as an argument.

/** Milliseconds since the Unix epoch, and a monotonic milliseconds reading for durations. */
export interface Clock {
  now(): number;
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
};
