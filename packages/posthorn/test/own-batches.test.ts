// Batches of one application each: those that meet a locked row leave the connections to all others.
import { expect, it } from 'vitest';
import { OwnBatches } from '../src/delivery/own-batches.ts';
import { waitFor } from './support/wait.ts';

/** `isLocked` decides what is given up, and comes again until it is stored. */
function makeBatches(isLocked: (applicationId: string) => boolean) {
  const stored: string[] = [];
  let [running, runningMax] = [0, 0];
  const store = async (applicationId: string) => {
    running += 1;
    runningMax = Math.max(runningMax, running);
    const locked = isLocked(applicationId) ? [applicationId] : [];
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    if (locked.length === 0) stored.push(applicationId);
    return { locked };
  };
  const batches: OwnBatches<string> = new OwnBatches<string>({
    itemsMax: 1,
    run: async ([id = '']) => {
      let { locked } = await batches.try(id, () => store(id));
      while (locked.length > 0) ({ locked } = await batches.try(id, () => store(id)));
    },
  });
  return { batches, stored, takeMax: () => [runningMax, (runningMax = 0)][0] };
}

it('what was given up comes again three applications at a time, and what nobody has locked gets through', async () => {
  const locked = new Set(['a', 'b', 'c', 'd', 'e']);
  const free = Array.from({ length: 20 }, (_, n) => `free ${n}`);
  const { batches, stored, takeMax } = makeBatches((id) => locked.has(id));
  for (const id of [...locked, ...free]) batches.addLocked(id, id);
  await waitFor(() => stored.length === 20, { what: 'those that nobody has locked' });
  expect(takeMax()).toBe(3);
  locked.clear();
  await batches.drain();
  expect(stored.slice(20).toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
});

it('what was not given up waits for none of them', async () => {
  const { batches, stored, takeMax } = makeBatches(() => false);
  for (let n = 0; n < 10; n += 1) batches.add(`${n}`, `${n}`);
  await batches.drain();
  expect(stored).toHaveLength(10);
  expect(takeMax()).toBe(10);
});
