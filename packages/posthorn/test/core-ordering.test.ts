// What an attempt means for those behind it in an order, and what of an event's time is believed.
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { eventTime, holdsUp, isOutdated } from '../src/core/ordering.ts';
import type { Transition } from '../src/core/settle.ts';

const succeeded: Transition = { state: 'succeeded', attempts: 1 };
const failed: readonly Transition[] = [
  { state: 'retrying', attempts: 1, delayMs: 5_000 },
  { state: 'retrying', attempts: 1, resume: true },
  { state: 'exhausted', attempts: 3 },
];

test('block: every failure holds the others up, a success none', () => {
  expect(failed.map((transition) => holdsUp('block', transition))).toEqual([true, true, true]);
  expect(holdsUp('block', succeeded)).toBe(false);
});

test('skip, and without an order: nothing holds the others up', () => {
  for (const ordering of ['skip', null] as const) {
    expect([succeeded, ...failed].some((transition) => holdsUp(ordering, transition))).toBe(false);
  }
});

/** What is delivered of events that come in this order, one after the other; undefined for one without a time. */
function delivered(times: readonly (number | undefined)[]): (number | undefined)[] {
  let newestAtMs: number | undefined;
  return times.filter((eventAtMs) => {
    const turn = {
      ...(eventAtMs === undefined ? {} : { eventAtMs }),
      ...(newestAtMs === undefined ? {} : { newestAtMs }),
    };
    if (isOutdated(turn)) return false;
    newestAtMs = Math.max(newestAtMs ?? 0, eventAtMs ?? 0);
    return true;
  });
}

describe('only what is newer', () => {
  const times = fc.array(fc.option(fc.nat({ max: 20 }), { nil: undefined }), { maxLength: 30 });
  const known = (some: readonly (number | undefined)[]) => some.filter((time) => time !== undefined);

  it('leaves times that never go back, and ends with the newest, in whatever order events come', () => {
    fc.assert(
      fc.property(times, (given) => {
        const left = known(delivered(given));
        expect(left).toEqual(left.toSorted((a, b) => a - b));
        expect(left.at(-1)).toBe(
          known(given)
            .toSorted((a, b) => a - b)
            .at(-1),
        );
      }),
    );
  });

  it('takes everything that comes in its order, also twice, and everything that has no time', () => {
    fc.assert(
      fc.property(times, (given) => {
        const sorted = known(given).toSorted((a, b) => a - b);
        const twice = sorted.flatMap((time) => [time, time]);
        expect(delivered(twice)).toEqual(twice);
        expect(delivered(given).filter((time) => time === undefined)).toHaveLength(
          given.length - known(given).length,
        );
      }),
    );
  });
});

describe('the time of an event', () => {
  const nowMs = Date.UTC(2031, 0, 1);

  it('is a whole millisecond from 1970 on, an hour ahead at most', () => {
    fc.assert(
      fc.property(fc.double(), (saidMs) => {
        const believed = eventTime(saidMs, nowMs);
        if (believed === undefined) return;
        expect(Number.isSafeInteger(believed)).toBe(true);
        expect(Math.abs(believed - saidMs)).toBeLessThanOrEqual(0.5);
        expect(believed).toBeGreaterThanOrEqual(0);
        expect(believed).toBeLessThanOrEqual(nowMs + 3_600_000);
      }),
    );
  });

  it.each([undefined, Number.NaN, Number.POSITIVE_INFINITY, -1, nowMs + 3_600_001, nowMs * 1_000])(
    'is unknown when %s is said',
    (saidMs) => {
      expect(eventTime(saidMs, nowMs)).toBeUndefined();
    },
  );

  it.each([
    [0, 0],
    [nowMs - 0.4, nowMs],
    [nowMs + 3_600_000, nowMs + 3_600_000],
  ])('of %s is %s', (saidMs, believed) => {
    expect(eventTime(saidMs, nowMs)).toBe(believed);
  });
});
