// Work that goes on after the answer: known until it ends, and never an unhandled rejection.
import type { Platform } from './incoming.ts';

export type Background = {
  /** `failed` is told what the work rejects with. */
  run(work: Promise<unknown>, platform: Platform | undefined, failed: (error: unknown) => void): void;
  /** Resolves when nothing is left to do. */
  idle(): Promise<void>;
};

export function createBackground(): Background {
  const pending = new Set<Promise<void>>();
  return {
    run(work, platform, failed) {
      // Of callers without types, work may be no promise at all.
      const settled = Promise.resolve(work)
        .then(() => {}, failed)
        .finally(() => pending.delete(settled));
      pending.add(settled);
      // Bun and Deno hand over an object of their own as the second argument.
      if (typeof platform?.waitUntil === 'function') platform.waitUntil(settled);
    },
    async idle() {
      while (pending.size > 0) await Promise.all(pending);
    },
  };
}
