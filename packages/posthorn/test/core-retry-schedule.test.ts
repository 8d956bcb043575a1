// The delay before the next automatic attempt.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  defaultJitterRatio,
  defaultRetryAfterSecondsMax,
  nextDelayMs,
  withRetries,
} from '../src/core/retry-schedule.ts';
import type { RetryPolicy } from '../src/core/retry-schedule.ts';

const policy: RetryPolicy = {
  delaysSeconds: [0, 5, 300, 1_800],
  jitterRatio: defaultJitterRatio,
  retryAfterSecondsMax: defaultRetryAfterSecondsMax,
};
const least = () => 0;
const most = () => 1 - Number.EPSILON;

describe('nextDelayMs', () => {
  it('follows the schedule, entry by entry, and ends with it', () => {
    const delays = [0, 1, 2, 3, 4, 5].map((attempts) => nextDelayMs(policy, attempts, undefined, least));
    expect(delays).toEqual([0, 5_000, 300_000, 1_800_000, undefined, undefined]);
  });

  it('adds jitter upward only, at most the ratio', () => {
    expect(nextDelayMs(policy, 2, undefined, least)).toBe(300_000);
    expect(nextDelayMs(policy, 2, undefined, () => 0.5)).toBe(330_000);
    expect(nextDelayMs(policy, 2, undefined, most)).toBe(360_000);
  });

  it('takes the longer of schedule and Retry-After', () => {
    expect(nextDelayMs(policy, 1, 3, least)).toBe(5_000);
    expect(nextDelayMs(policy, 1, 90, least)).toBe(90_000);
  });

  it('caps what an endpoint may ask for, but never the schedule', () => {
    const capped = { ...policy, retryAfterSecondsMax: 60 };
    expect(nextDelayMs(capped, 1, Number.MAX_SAFE_INTEGER, least)).toBe(60_000);
    expect(nextDelayMs(capped, 2, 10, least)).toBe(300_000);
  });

  it('puts the jitter on top of Retry-After too, so that not everyone comes back at the same moment', () => {
    expect(nextDelayMs(policy, 1, 100, most)).toBe(120_000);
  });

  it('gives whole milliseconds also for fractions of a second', () => {
    const quick = { ...policy, delaysSeconds: [0, 0.25, 0.1] };
    expect(nextDelayMs(quick, 1, undefined, least)).toBe(250);
    expect(Number.isInteger(nextDelayMs(quick, 2, undefined, () => 0.123_456))).toBe(true);
  });
});

const anyPolicy: fc.Arbitrary<RetryPolicy> = fc.record({
  delaysSeconds: fc.array(fc.oneof(fc.nat(604_800), fc.double({ min: 0, max: 60, noNaN: true })), {
    maxLength: 20,
  }),
  jitterRatio: fc.double({ min: 0, max: 1, noNaN: true }),
  retryAfterSecondsMax: fc.nat(604_800),
});
const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const anyRetryAfter = fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { nil: undefined });

describe('nextDelayMs, for every schedule', () => {
  it('is between the longer of schedule and capped Retry-After and that with all the jitter, in whole milliseconds', () => {
    fc.assert(
      fc.property(anyPolicy, fc.nat(25), anyRetryAfter, anyRandom, (anyWay, attempts, retryAfter, random) => {
        const delayMs = nextDelayMs(anyWay, attempts, retryAfter, () => random);
        const scheduled = anyWay.delaysSeconds[attempts];
        expect(delayMs === undefined).toBe(scheduled === undefined);
        if (delayMs === undefined || scheduled === undefined) return;
        const leastMs = Math.max(scheduled, Math.min(retryAfter ?? 0, anyWay.retryAfterSecondsMax)) * 1000;
        expect(Number.isSafeInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(Math.floor(leastMs));
        expect(delayMs).toBeLessThanOrEqual(Math.ceil(leastMs * (1 + anyWay.jitterRatio)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('grows with chance and with what the endpoint asks for, never the other way', () => {
    fc.assert(
      fc.property(
        anyPolicy,
        fc.nat(25),
        fc.nat(1e6),
        fc.tuple(anyRandom, anyRandom),
        (anyWay, attempts, asked, two) => {
          const [less, more] = two.toSorted((a, b) => a - b) as [number, number];
          const low = nextDelayMs(anyWay, attempts, asked, () => less) ?? 0;
          expect(nextDelayMs(anyWay, attempts, asked, () => more) ?? 0).toBeGreaterThanOrEqual(low);
          expect(nextDelayMs(anyWay, attempts, asked + 1, () => less) ?? 0).toBeGreaterThanOrEqual(low);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('the retries of an endpoint', () => {
  const delays = (own: readonly number[] | null) =>
    [0, 1, 2, 3, 4].map((attempts) => nextDelayMs(withRetries(policy, own), attempts, undefined, least));

  it('come after the first attempt, which stays that of the server', () => {
    expect(delays([7, 70])).toEqual([0, 7_000, 70_000, undefined, undefined]);
    expect(delays([])).toEqual([0, undefined, undefined, undefined, undefined]);
  });

  it('are those of the server when it has none of its own', () => {
    expect(withRetries(policy, null)).toBe(policy);
  });
});
