// The delay before the next automatic attempt.
import { describe, expect, it } from 'vitest';
import { defaultJitterRatio, defaultRetryAfterSecondsMax, nextDelayMs } from '../src/core/retry-schedule.ts';
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
