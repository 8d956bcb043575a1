// Duplicates by Workers KV. KV has no "if absent", a write takes up to a minute to show elsewhere, and a key takes one write
// a second: so an event is remembered once it was handled. Copies that arrive together are both handled, later ones are found.
import type { DedupeStore } from '../receiver/dedupe.ts';

/** A `KVNamespace`. */
export type KeyValueNamespace = {
  get(key: string): Promise<string | null>;
  put(key: string, value: string, options: { expirationTtl: number }): Promise<void>;
};

export type WorkersKvDedupeOptions = {
  /** Before every key (default `webhooks:`). */
  readonly prefix?: string;
};

// KV refuses anything shorter.
const ttlMinSeconds = 60;

export function workersKvDedupe(
  namespace: KeyValueNamespace,
  { prefix = 'webhooks:' }: WorkersKvDedupeOptions = {},
): DedupeStore {
  return {
    async claim(key) {
      return (await namespace.get(prefix + key)) === null ? 'claimed' : 'done';
    },
    async done(key, seconds) {
      const expirationTtl = Math.max(ttlMinSeconds, Math.ceil(seconds));
      await namespace.put(prefix + key, 'done', { expirationTtl });
    },
    async release() {},
  };
}
