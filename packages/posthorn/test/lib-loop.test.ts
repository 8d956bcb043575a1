// The skeleton of the background loops: when it runs, what wakes it, and that it never runs beside itself.
import { afterEach, describe, expect, it } from 'vitest';
import { createLoop } from '../src/lib/loop.ts';
import type { Loop } from '../src/lib/loop.ts';
import { waitFor } from './support/wait.ts';

const hourMs = 3_600_000;
const started: Loop[] = [];

interface Harness {
  loop: Loop;
  runs: number[];
  /** How many runs are under way. */
  active(): number;
  activeMost(): number;
  warnings: object[];
}

/** `body` is one run; its result is the delay until the next. */
function makeLoop(body: (run: number) => Promise<number>, errorDelayMs = hourMs): Harness {
  const runs: number[] = [];
  const warnings: object[] = [];
  let active = 0;
  let most = 0;
  const loop = createLoop({
    name: 'test',
    errorDelayMs,
    log: { warn: (fields) => warnings.push(fields) },
    async runOnce() {
      active += 1;
      most = Math.max(most, active);
      runs.push(performance.now());
      try {
        return await body(runs.length);
      } finally {
        active -= 1;
      }
    },
  });
  started.push(loop);
  return { loop, runs, warnings, active: () => active, activeMost: () => most };
}

function makeGate(): { opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

const runsReach = (harness: Harness, count: number) =>
  waitFor(() => harness.runs.length >= count, { what: `run ${count}` });

/** What was due at once has run: a loop that was woken after it has. */
async function whatIsDueHasRun(): Promise<void> {
  const witness = makeLoop(async () => hourMs);
  witness.loop.start();
  await runsReach(witness, 1);
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((loop) => loop.stop()));
});

describe('a loop', () => {
  it('runs when it is started, and again after the delay that the run asked for', async () => {
    const harness = makeLoop(async (run) => (run < 3 ? 20 : hourMs));
    harness.loop.start();
    await runsReach(harness, 3);
    const [first, second, third] = harness.runs;
    expect(second! - first!).toBeGreaterThan(15);
    expect(third! - second!).toBeGreaterThan(15);
  });

  it('does not run before it is started, even when woken', async () => {
    const harness = makeLoop(async () => hourMs);
    harness.loop.wake();
    await whatIsDueHasRun();
    expect(harness.runs).toHaveLength(0);
    harness.loop.start();
    await runsReach(harness, 1);
  });

  it('runs at once when woken, long before its time', async () => {
    const harness = makeLoop(async () => hourMs);
    harness.loop.start();
    await runsReach(harness, 1);
    harness.loop.wake();
    await runsReach(harness, 2);
  });

  it('woken many times at once runs once', async () => {
    const harness = makeLoop(async () => hourMs);
    harness.loop.start();
    await runsReach(harness, 1);
    for (let wakes = 0; wakes < 50; wakes += 1) harness.loop.wake();
    await whatIsDueHasRun();
    expect(harness.runs).toHaveLength(2);
  });

  it('woken many times during a run runs once more right after it, and not beside it', async () => {
    const gate = makeGate();
    const harness = makeLoop(async (run) => {
      if (run === 1) await gate.opened;
      return hourMs;
    });
    harness.loop.start();
    await runsReach(harness, 1);
    for (let wakes = 0; wakes < 50; wakes += 1) harness.loop.wake();
    await whatIsDueHasRun();
    expect(harness.runs).toHaveLength(1);
    gate.open();
    await runsReach(harness, 2);
    await whatIsDueHasRun();
    expect(harness.runs).toHaveLength(2);
    expect(harness.activeMost()).toBe(1);
  });

  it('woken by its own run, before that waits for anything, does not run beside itself', async () => {
    const gate = makeGate();
    const harness = makeLoop((run) => {
      if (run > 1) return Promise.resolve(hourMs);
      harness.loop.wake();
      return gate.opened.then(() => hourMs);
    });
    harness.loop.start();
    await runsReach(harness, 1);
    await whatIsDueHasRun();
    expect(harness.runs).toHaveLength(1);
    gate.open();
    await runsReach(harness, 2);
    expect(harness.activeMost()).toBe(1);
  });

  it('wakeWithin brings the next run forward, and never puts it off', async () => {
    const harness = makeLoop(async () => hourMs);
    harness.loop.start();
    await runsReach(harness, 1);
    const askedAtMs = performance.now();
    harness.loop.wakeWithin(40);
    harness.loop.wakeWithin(60_000);
    await runsReach(harness, 2);
    expect(performance.now() - askedAtMs).toBeGreaterThan(35);
    harness.loop.wakeWithin(60_000);
    harness.loop.wakeWithin(10);
    await runsReach(harness, 3);
  });

  it('wakeWithin during a run counts from when it was asked', async () => {
    const gate = makeGate();
    const harness = makeLoop(async (run) => {
      if (run === 1) await gate.opened;
      return hourMs;
    });
    harness.loop.start();
    await runsReach(harness, 1);
    harness.loop.wakeWithin(5);
    await whatIsDueHasRun();
    gate.open();
    await runsReach(harness, 2);
    expect(harness.activeMost()).toBe(1);
  });

  it('a run that fails is logged with its error, and comes again after the error delay', async () => {
    const failure = new Error('no database');
    const harness = makeLoop(async (run) => {
      if (run === 1) throw failure;
      return hourMs;
    }, 20);
    harness.loop.start();
    await runsReach(harness, 2);
    expect(harness.warnings).toEqual([{ loop: 'test', err: failure }]);
    expect(harness.runs[1]! - harness.runs[0]!).toBeGreaterThan(15);
  });

  it('a run that throws before it returns a promise fails like any other, and can be woken afterwards', async () => {
    let runs = 0;
    const loop = createLoop({
      name: 'throws',
      errorDelayMs: hourMs,
      log: { warn: () => {} },
      runOnce() {
        runs += 1;
        if (runs === 1) throw new Error('at once');
        return Promise.resolve(hourMs);
      },
    });
    started.push(loop);
    loop.start();
    await waitFor(() => runs === 1);
    await whatIsDueHasRun();
    loop.wake();
    await waitFor(() => runs === 2, { what: 'a run after the wake' });
  });

  it('stop waits for the run under way and lets no other begin', async () => {
    const gate = makeGate();
    const harness = makeLoop(async () => {
      await gate.opened;
      return 0;
    });
    harness.loop.start();
    await runsReach(harness, 1);
    harness.loop.wake();
    let stopped = false;
    const stopping = harness.loop.stop().then(() => {
      stopped = true;
    });
    await whatIsDueHasRun();
    expect(stopped).toBe(false);
    gate.open();
    await stopping;
    expect(harness.active()).toBe(0);
    harness.loop.wake();
    harness.loop.wakeWithin(1);
    harness.loop.start();
    await whatIsDueHasRun();
    expect(harness.runs).toHaveLength(1);
  });

  it('stopped before it was started never runs', async () => {
    const harness = makeLoop(async () => 0);
    await harness.loop.stop();
    harness.loop.start();
    await whatIsDueHasRun();
    expect(harness.runs).toHaveLength(0);
  });
});
