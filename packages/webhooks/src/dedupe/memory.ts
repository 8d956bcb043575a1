// Duplicates within one process: for tests, and for a single process that may forget on a restart.
import type { DedupeStore } from '../receiver/dedupe.ts';

export type MemoryDedupeOptions = {
  /** Past this many ids, the oldest are forgotten (default 100,000). */
  readonly entriesMax?: number;
  /** The clock: milliseconds since 1970 (default `Date.now`). */
  readonly now?: () => number;
};

type Entry = { readonly state: 'busy' | 'done'; readonly untilMs: number };

const entriesDefaultMax = 100_000;

export function memoryDedupe({
  entriesMax = entriesDefaultMax,
  now = Date.now,
}: MemoryDedupeOptions = {}): DedupeStore {
  const entries = new Map<string, Entry>();
  const put = (key: string, state: Entry['state'], seconds: number) => {
    // Taken out first, so that the map stays in the order of the last change.
    entries.delete(key);
    entries.set(key, { state, untilMs: now() + seconds * 1_000 });
    const [oldest] = entries.keys();
    if (entries.size > entriesMax && oldest !== undefined) entries.delete(oldest);
  };
  return {
    async claim(key, seconds) {
      const entry = entries.get(key);
      if (entry !== undefined && entry.untilMs > now()) return entry.state;
      put(key, 'busy', seconds);
      return 'claimed';
    },
    async done(key, seconds) {
      put(key, 'done', seconds);
    },
    async release(key) {
      entries.delete(key);
    },
  };
}
