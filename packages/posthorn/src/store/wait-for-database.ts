// A step of the start that is worth repeating while PostgreSQL is away.
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { passesByItself } from './availability.ts';

const retryMs = 1_000;
const triesPerLine = 10;

export interface Patience {
  log: Log;
  clock: Clock;
  /** Infinity: until `signal`. */
  waitMaxMs: number;
  /** Ends the wait; the promise then rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/** Repeats `step` while it fails because PostgreSQL is away; any other failure, and one after the wait, is thrown. */
export async function waitForDatabase<T>(step: () => Promise<T>, patience: Patience): Promise<T> {
  const { log, clock, waitMaxMs, signal } = patience;
  const deadlineMs = clock.monotonicMs() + waitMaxMs;
  for (let tries = 0; ; tries += 1) {
    try {
      return await step();
    } catch (error) {
      if (!passesByItself(error) || clock.monotonicMs() > deadlineMs) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      if (tries % triesPerLine === 0) log.warn({ reason }, 'waiting for PostgreSQL');
      await pause(retryMs, undefined, signal ? { signal } : {});
    }
  }
}
