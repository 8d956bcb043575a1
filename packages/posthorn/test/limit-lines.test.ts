// Endpoints that share the rate limit of their application: they take turns, few of them ask, and none is forgotten.
import { expect, it } from 'vitest';
import { defaultDispatchLimits } from '../src/delivery/dispatch-limits.ts';
import { Dispatcher } from '../src/delivery/dispatcher.ts';
import type { Wait } from '../src/delivery/limit-lines.ts';
import { waitFor } from './support/wait.ts';
import { makeWork } from './support/work.ts';

const intervalMs = 4;

function open(alone: (endpointId: string) => Wait | undefined = () => undefined) {
  const started: string[] = [];
  let asked = 0;
  let nextAtMs = 0;
  const dispatcher = new Dispatcher(defaultDispatchLimits, {
    mayStart: () => true,
    throttle({ endpointId }) {
      asked += 1;
      const nowMs = performance.now();
      const wait = alone(endpointId);
      if (wait) return wait;
      if (nowMs < nextAtMs) return { ms: Math.ceil(nextAtMs - nowMs), isShared: true };
      nextAtMs = Math.max(nextAtMs, nowMs) + intervalMs;
      return undefined;
    },
    start({ endpointId }) {
      started.push(endpointId);
      return Promise.resolve();
    },
  });
  const add = (endpointId: string, count: number) => {
    for (let n = 0; n < count; n += 1) {
      expect(dispatcher.reserve(endpointId, 'app_1', 1)).toBe(true);
      dispatcher.dispatch(makeWork(endpointId, 1));
    }
  };
  const ofEndpoint = (endpointId: string) => started.filter((id) => id === endpointId).length;
  return { dispatcher, started, add, ofEndpoint, asked: () => asked };
}

const all = (started: string[], count: number) =>
  waitFor(() => started.length >= count, { what: `${count} starts` });

it('they take turns, however much waits for one of them', async () => {
  const { started, add, ofEndpoint } = open();
  add('flooded', 900);
  for (const endpointId of ['ep_1', 'ep_2', 'ep_3']) add(endpointId, 20);
  await all(started, 84);
  expect(['ep_1', 'ep_2', 'ep_3'].map(ofEndpoint)).toEqual([20, 20, 20]);
});

it('one of them asks at a time', async () => {
  const { started, add, asked } = open();
  for (let n = 0; n < 1_000; n += 1) add(`ep_${n}`, 1);
  await all(started, 50);
  // Each once when it comes; then one for each start, and the next one for when to come again.
  expect(asked()).toBeLessThan(1_000 + 4 * started.length);
});

it('the next one asks when the first has nothing to start any more', async () => {
  const { dispatcher, started, add } = open();
  for (const endpointId of ['ep_1', 'ep_2', 'ep_3', 'ep_4']) add(endpointId, 1);
  for (const work of dispatcher.removeWaitingOf('ep_2')) dispatcher.finish(work);
  await all(started, 3);
  expect(started).toEqual(['ep_1', 'ep_3', 'ep_4']);
});

it('what comes after everything was taken back is started', async () => {
  const { dispatcher, started, add } = open();
  add('ep_1', 10);
  add('ep_2', 10);
  const before = started.length;
  for (const work of dispatcher.removeWaiting()) dispatcher.finish(work);
  add('ep_2', 3);
  add('ep_1', 3);
  await all(started, before + 6);
});

it('one that waits for a limit of its own holds up nobody', async () => {
  const { started, add, ofEndpoint } = open((endpointId) =>
    endpointId === 'slow' ? { ms: 60_000, isShared: false } : undefined,
  );
  add('ep_1', 1);
  add('slow', 3);
  add('ep_2', 5);
  await all(started, 6);
  expect(ofEndpoint('slow')).toBe(0);
});
