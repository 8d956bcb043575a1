// What is held in memory of bodies: bounded in all, and of one source, so that a flood to one leaves room for the others.
import { expect, test } from 'vitest';
import { BodyBudget } from '../src/gateway/received.ts';

test('a source that holds all that it may leaves the rest to the others', () => {
  const budget = new BodyBudget({ maxBytes: 10, ofSourceMaxBytes: 6 });
  const [flooded, other] = [budget.shareOf('src_1'), budget.shareOf('src_2')];
  expect(flooded.take(4)).toBe(true);
  // Of another request to the same source.
  expect(budget.shareOf('src_1').take(3)).toBe(false);
  expect(flooded.take(2)).toBe(true);
  expect(flooded.take(1)).toBe(false);
  expect(other.take(4)).toBe(true);
});

test('what is held in all is bounded, and what is given back can be held again', () => {
  const budget = new BodyBudget({ maxBytes: 10, ofSourceMaxBytes: 6 });
  const [one, two] = [budget.shareOf('src_1'), budget.shareOf('src_2')];
  expect(one.take(6)).toBe(true);
  expect(two.take(5)).toBe(false);
  one.giveBack(3);
  expect(two.take(5)).toBe(true);
  expect(two.take(3)).toBe(false);
  one.giveBack(3);
  two.giveBack(5);
  expect(two.take(6)).toBe(true);
});
