// Refuses what has waited too long for its turn to be stored. Nothing of it was sent, so that is safe; and whoever asked
// has mostly gone by then, and would not learn what became of it.
import { OverloadedError } from '../core/acceptance.ts';
import type { Clock } from '../lib/clock.ts';

/** Unless told otherwise: less than senders and providers wait for an answer. */
const defaultWaitMaxMs = 10_000;
const looksPerWait = 10;

export interface Waiter {
  /** By the monotonic clock. */
  sinceMs: number;
  reject(error: unknown): void;
}

export interface PatienceDeps<T extends Waiter> {
  clock: Clock;
  waitMaxMs?: number | undefined;
  /** Takes those out of where they wait. */
  takeOut(isLate: (waiter: T) => boolean): T[];
}

export class Patience<T extends Waiter> {
  readonly #deps: PatienceDeps<T>;
  readonly #waitMaxMs: number;
  #askingCount = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: PatienceDeps<T>) {
    this.#deps = deps;
    this.#waitMaxMs = deps.waitMaxMs ?? defaultWaitMaxMs;
  }

  /** Looks after those that wait for as long as somebody asks. `ask` is given when its wait began. */
  async during<R>(ask: (sinceMs: number) => Promise<R>): Promise<R> {
    this.#askingCount += 1;
    this.#lookLater();
    try {
      return await ask(this.#deps.clock.monotonicMs());
    } finally {
      this.#askingCount -= 1;
    }
  }

  /** Those whose statement may start; the others are refused. */
  inTime(waiters: readonly T[]): T[] {
    const isLate = this.#lateNow();
    const late = new Set(waiters.filter(isLate));
    refuse(late);
    return late.size === 0 ? [...waiters] : waiters.filter((waiter) => !late.has(waiter));
  }

  #lookLater(): void {
    if (this.#timer !== undefined || this.#askingCount === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      refuse(this.#deps.takeOut(this.#lateNow()));
      this.#lookLater();
    }, this.#waitMaxMs / looksPerWait);
    this.#timer.unref();
  }

  #lateNow(): (waiter: T) => boolean {
    const sinceMinMs = this.#deps.clock.monotonicMs() - this.#waitMaxMs;
    return ({ sinceMs }) => sinceMs < sinceMinMs;
  }
}

function refuse(late: Iterable<Waiter>): void {
  for (const { reject } of late) reject(new OverloadedError());
}
