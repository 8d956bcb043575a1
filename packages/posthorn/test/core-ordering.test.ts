// What an attempt means for those behind it in an endpoint's order.
import { expect, test } from 'vitest';
import { holdsUp } from '../src/core/ordering.ts';
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
