// Group commit: what shares a batch, how many run at once, and that nothing is lost or run twice.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBatcher } from '../src/lib/batcher.ts';
import { waitFor } from './support/wait.ts';

interface Running {
  items: number[];
  end(): void;
  fail(): void;
}

function makeBatcher(limits: {
  itemsMax: number;
  concurrencyMax: number;
  crowdMin?: number;
  lingerMs?: number;
  weigh?(item: number): number;
  weightMax?: number;
  onIdle?(): void;
}) {
  const running: Running[] = [];
  const batches: number[][] = [];
  const batcher = createBatcher<number>({
    ...limits,
    run(items) {
      batches.push(items);
      return new Promise((resolve, reject) => {
        const leave = () => running.splice(running.indexOf(entry), 1);
        const entry = {
          items,
          end: () => {
            leave();
            resolve();
          },
          fail: () => {
            leave();
            reject(new Error('the batch failed'));
          },
        };
        running.push(entry);
      });
    },
  });
  const addAll = (...items: number[]) => {
    for (const item of items) batcher.add(item);
  };
  return { batcher, running, batches, addAll };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a batcher', () => {
  it('ends a batch before it weighs too much, and takes what is too heavy by itself', async () => {
    const { batches, running, addAll } = makeBatcher({
      itemsMax: 4,
      concurrencyMax: 1,
      weigh: (item) => item,
      weightMax: 10,
    });
    addAll(5, 5, 1, 20, 1, 1, 1, 1, 1);
    await turn();
    while (running[0]) {
      running[0].end();
      await turn();
    }
    expect(batches).toEqual([[5, 5], [1], [20], [1, 1, 1, 1], [1]]);
  });

  it('puts what came in one turn of the event loop into one batch, in order', async () => {
    const { batches, addAll } = makeBatcher({ itemsMax: 10, concurrencyMax: 2 });
    addAll(1, 2);
    void Promise.resolve().then(() => addAll(3));
    expect(batches).toEqual([]);
    await turn();
    expect(batches).toEqual([[1, 2, 3]]);
  });

  it('gathers what comes while as many batches run as may', async () => {
    const { batches, running, addAll } = makeBatcher({ itemsMax: 10, concurrencyMax: 1 });
    addAll(1);
    await turn();
    for (const item of [2, 3, 4]) {
      addAll(item);
      await turn();
    }
    expect(batches).toEqual([[1]]);
    running[0]!.end();
    await turn();
    expect(batches).toEqual([[1], [2, 3, 4]]);
  });

  it('fills batches up to their limit and runs no more of them at once than may', async () => {
    const { batches, running, addAll } = makeBatcher({ itemsMax: 2, concurrencyMax: 2 });
    addAll(1, 2, 3, 4, 5);
    await turn();
    expect(batches).toEqual([
      [1, 2],
      [3, 4],
    ]);
    running[1]!.end();
    await turn();
    expect(batches.at(-1)).toEqual([5]);
    expect(running).toHaveLength(2);
  });

  it('starts another beside a running one only for a crowd', async () => {
    const { batches, running, addAll } = makeBatcher({ itemsMax: 9, concurrencyMax: 2, crowdMin: 3 });
    addAll(1);
    await turn();
    addAll(2, 3);
    await turn();
    expect(batches).toEqual([[1]]);
    addAll(4);
    await turn();
    expect(batches).toEqual([[1], [2, 3, 4]]);
    addAll(5);
    running[0]!.end();
    await turn();
    expect(running).toHaveLength(1);
    running[0]!.end();
    await turn();
    expect(batches.at(-1)).toEqual([5]);
  });

  it('starts another beside one that takes long, crowd or not', async () => {
    const { batches, running, addAll } = makeBatcher({ itemsMax: 9, concurrencyMax: 2, crowdMin: 3 });
    addAll(1);
    await turn();
    addAll(2);
    await waitFor(() => batches.length === 2, { what: 'the second batch' });
    expect(running).toHaveLength(2);
  });

  it('waits a little for more after a batch of several, and not for a crowd', async () => {
    const limits = { itemsMax: 9, concurrencyMax: 1, crowdMin: 4, lingerMs: 20 };
    const { batches, running, addAll } = makeBatcher(limits);
    addAll(1, 2, 3);
    await turn();
    addAll(4);
    running[0]!.end();
    await turn();
    addAll(5);
    await turn();
    expect(batches).toEqual([[1, 2, 3]]);
    await waitFor(() => batches.length === 2, { what: 'the end of the wait' });
    expect(batches[1]).toEqual([4, 5]);
    running[0]!.end();
    await turn();
    // Two are no crowd: what comes next does not wait.
    addAll(6, 7, 8);
    await turn();
    expect(batches[2]).toEqual([6, 7, 8]);
    running[0]!.end();
    await turn();
    addAll(9, 10, 11, 12);
    await turn();
    expect(batches[3]).toEqual([9, 10, 11, 12]);
  });

  it('tells when nothing waits and nothing runs any more', async () => {
    let idle = 0;
    const { running, addAll } = makeBatcher({ itemsMax: 1, concurrencyMax: 1, onIdle: () => (idle += 1) });
    addAll(1, 2);
    await turn();
    running[0]!.end();
    await turn();
    expect(idle).toBe(0);
    running[0]!.end();
    await turn();
    expect(idle).toBe(1);
  });

  it('goes on after a batch that failed', async () => {
    const { batches, running, addAll, batcher } = makeBatcher({ itemsMax: 1, concurrencyMax: 1 });
    addAll(1, 2);
    await turn();
    running[0]!.fail();
    await turn();
    expect(batches).toEqual([[1], [2]]);
    const drained = batcher.drain();
    running[0]!.end();
    await drained;
  });

  it('takes out what is not to run any more, and is idle when nothing is left', async () => {
    let idle = 0;
    const { batcher, batches, running, addAll } = makeBatcher({
      itemsMax: 1,
      concurrencyMax: 1,
      onIdle: () => (idle += 1),
    });
    addAll(1, 2, 3, 4);
    await turn();
    expect(batcher.remove((item) => item === 2)).toEqual([2]);
    expect(batcher.remove((item) => item < 3)).toEqual([]);
    running[0]!.end();
    await turn();
    expect(batcher.remove((item) => item === 4)).toEqual([4]);
    running[0]!.end();
    await turn();
    expect(batches).toEqual([[1], [3]]);
    expect(idle).toBe(1);
    // Before it has started.
    addAll(5);
    const drained = batcher.drain();
    expect(batcher.remove(() => true)).toEqual([5]);
    await drained;
    expect(idle).toBe(2);
  });

  it('drains at once when there is nothing to do', async () => {
    await makeBatcher({ itemsMax: 1, concurrencyMax: 1 }).batcher.drain();
  });

  it('drains when the last batch has ended, whoever asked and whenever', async () => {
    const { batcher, running, addAll } = makeBatcher({ itemsMax: 1, concurrencyMax: 1 });
    addAll(1, 2);
    let drainedCount = 0;
    const count = () => {
      drainedCount += 1;
    };
    // Asked before anything runs, and while the first batch does.
    void batcher.drain().then(count);
    await turn();
    void batcher.drain().then(count);
    running[0]!.end();
    await turn();
    expect(drainedCount).toBe(0);
    running[0]!.end();
    await waitFor(() => drainedCount === 2, { what: 'both drains' });
  });

  it('runs every item exactly once and in order, whatever comes when', async () => {
    const step = fc.oneof(
      fc.nat({ max: 7 }).map((count) => ({ kind: 'add' as const, count })),
      fc.constantFrom({ kind: 'end' as const }, { kind: 'fail' as const }, { kind: 'turn' as const }),
    );
    const limits = fc.record({
      itemsMax: fc.integer({ min: 1, max: 5 }),
      concurrencyMax: fc.integer({ min: 1, max: 3 }),
      crowdMin: fc.integer({ min: 1, max: 3 }),
      lingerMs: fc.constantFrom(0, 1),
    });
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { maxLength: 40 }), async (chosen, steps) => {
        const { batcher, running, batches, addAll } = makeBatcher(chosen);
        let added = 0;
        for (const { kind, ...rest } of steps) {
          if (kind === 'add' && 'count' in rest) {
            addAll(...Array.from({ length: rest.count }, (_, at) => added + at));
            added += rest.count;
          } else if (kind === 'turn') await turn();
          else running[0]?.[kind === 'fail' ? 'fail' : 'end']();
          expect(running.length).toBeLessThanOrEqual(chosen.concurrencyMax);
        }
        let drained = false;
        void batcher.drain().then(() => {
          drained = true;
        });
        for (let turns = 0; !drained; turns += 1) {
          // A wait for more ends by a timer.
          expect(turns).toBeLessThan(1_000_000);
          running[0]?.end();
          await turn();
        }
        expect(batches.flat()).toEqual(Array.from({ length: added }, (_, at) => at));
        expect(batches.every((batch) => batch.length > 0 && batch.length <= chosen.itemsMax)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
