// A clock for tests: it stands still until it is told.

/** `now` stands alone: pass it as the `now` of a verifier. */
export type FakeClock = {
  /** Milliseconds since 1970. */
  now(): number;
  advance(ms: number): void;
};

export function fakeClock(startMs: number): FakeClock {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    advance: (ms) => {
      if (!Number.isFinite(nowMs + ms)) throw new TypeError('advance takes a number of milliseconds');
      nowMs += ms;
    },
  };
}
