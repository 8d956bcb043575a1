// Duplicates within one process: for tests, and for a single process that may forget on a restart.
import type { DedupeStore } from '../receiver/dedupe.ts';

export type MemoryDedupeOptions = {
  /** Past this many ids, the oldest are forgotten (default 100,000). */
  readonly entriesMax?: number;
  /** The clock: milliseconds since 1970 (default `Date.now`). */
  readonly now?: () => number;
};

/** Without a holder it was handled. */
type Entry = { readonly holder: string | undefined; readonly untilMs: number };

const entriesDefaultMax = 100_000;

export function memoryDedupe({
  entriesMax = entriesDefaultMax,
  now = Date.now,
}: MemoryDedupeOptions = {}): DedupeStore {
  const entries = new Map<string, Entry>();
  const put = (key: string, holder: Entry['holder'], seconds: number) => {
    // Taken out first, so that the map stays in the order of the last change.
    entries.delete(key);
    entries.set(key, { holder, untilMs: now() + seconds * 1_000 });
    const [oldest] = entries.keys();
    if (entries.size > entriesMax && oldest !== undefined) entries.delete(oldest);
  };
  return {
    async claim(key, seconds, holder) {
      const entry = entries.get(key);
      if (entry !== undefined && entry.untilMs > now()) return entry.holder === undefined ? 'done' : 'busy';
      put(key, holder, seconds);
      return 'claimed';
    },
    async done(key, seconds) {
      put(key, undefined, seconds);
    },
    async release(key, holder) {
      if (entries.get(key)?.holder === holder) entries.delete(key);
    },
  };
}
