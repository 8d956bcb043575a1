// The one skeleton of every background loop: run, wait until the next run is due or someone wakes it, run again.
import { systemClock } from './clock.ts';
import type { Log } from './log.ts';

export interface Loop {
  start(): void;
  /** Lets the current run finish; no further one begins. */
  stop(): Promise<void>;
  /** Runs as soon as it can; during a run: once more right after it. */
  wake(): void;
  /** Like wake, but in `delayMs` at the latest. */
  wakeWithin(delayMs: number): void;
}

export interface LoopOptions {
  name: string;
  /** One iteration; resolves with the milliseconds until the next. A rejection is logged and tried again. */
  runOnce(): Promise<number>;
  errorDelayMs: number;
  log: Pick<Log, 'warn'>;
}

export function createLoop(options: LoopOptions): Loop {
  let stopping = false;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let dueAtMs = Number.POSITIVE_INFINITY;
  let started = false;

  const arm = (delayMs: number) => {
    clearTimeout(timer);
    timer = undefined;
    if (stopping || !started) return;
    dueAtMs = systemClock.monotonicMs() + delayMs;
    timer = setTimeout(run, delayMs);
  };

  const iterate = async () => {
    let delayMs: number;
    try {
      delayMs = await options.runOnce();
    } catch (error) {
      options.log.warn({ loop: options.name, err: error }, 'loop iteration failed');
      delayMs = options.errorDelayMs;
    }
    running = undefined;
    // What was asked for during the run counts, if it is sooner.
    arm(Math.min(delayMs, Math.max(0, dueAtMs - systemClock.monotonicMs())));
  };

  const run = () => {
    timer = undefined;
    dueAtMs = Number.POSITIVE_INFINITY;
    // Not called directly: a run that wakes its own loop, or throws, before it waits must find `running` set.
    running = Promise.resolve().then(iterate);
  };

  const wakeWithin = (delayMs: number) => {
    const wantedAtMs = systemClock.monotonicMs() + delayMs;
    if (wantedAtMs >= dueAtMs) return;
    if (running) dueAtMs = wantedAtMs;
    else arm(delayMs);
  };

  return {
    start() {
      started = true;
      arm(0);
    },
    async stop() {
      stopping = true;
      clearTimeout(timer);
      await running;
    },
    wake: () => wakeWithin(0),
    wakeWithin,
  };
}
