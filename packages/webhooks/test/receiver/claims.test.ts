// Claims of processes that died, of clients that asked twice, and of stores that cannot clean up.
import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { memoryDedupe } from '../../src/dedupe/memory.ts';
import { postgresDedupe } from '../../src/dedupe/postgres.ts';
import { redisDedupe } from '../../src/dedupe/redis.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { providers } from '../../src/providers/all.ts';
import { lemonSqueezy } from '../../src/providers/lemon-squeezy.ts';
import { createReceiver } from '../../src/receiver/index.ts';
import type { DedupeStore } from '../../src/receiver/index.ts';
import { deferred } from '../support/deferred.ts';

const secret = 'a secret of the source';
const body = JSON.stringify({
  meta: { event_name: 'order_created' },
  data: { type: 'orders', id: '1', attributes: { updated_at: '2023-11-14T22:13:20Z' } },
});
const headers = new Headers({ 'x-signature': createHmac('sha256', secret).update(body).digest('hex') });
const request = { method: 'POST', url: 'https://example.com/shop', headers, body };

it('is free again before Lemon Squeezy gives up, when the process died in a handler', async () => {
  let nowMs = Date.now();
  const now = () => nowMs;
  const dedupe = memoryDedupe({ now });
  const begun = deferred();
  createReceiver({ dedupe, now })
    .source('shop', lemonSqueezy, { secrets: secret })
    .on('*', () => {
      begun.resolve();
      // The end of the process: it is never heard of again.
      return new Promise(() => {});
    })
    .fetch(request)
    .catch(() => {});
  await begun.promise;

  let handled = 0;
  const next = createReceiver({ dedupe, now }).source('shop', lemonSqueezy, { secrets: secret });
  next.on('*', () => void (handled += 1));
  const statuses: number[] = [];
  // It tries again after 5, 25 and 125 seconds.
  for (const seconds of [5, 25, 125]) {
    nowMs += seconds * 1_000;
    statuses.push((await next.fetch(request)).status);
  }
  expect(statuses).toEqual([503, 503, lemonSqueezy.answer?.status ?? 204]);
  expect(handled).toBe(1);
});

it('lasts no longer than half of what a provider keeps trying, and is remembered for longer than all of it', async () => {
  const seconds = { claim: 0, done: 0 };
  const store: DedupeStore = {
    claim: async (_key, each) => ((seconds.claim = each), 'claimed'),
    done: async (_key, each) => void (seconds.done = each),
    release: async () => {},
  };
  const spans = [...providers.values()].flatMap(({ retry }: Provider) => retry.spanSeconds ?? []);
  for (const spanSeconds of new Set(spans)) {
    const row = { ...lemonSqueezy, retry: { retries: true, spanSeconds } };
    const source = createReceiver({ dedupe: store }).source('shop', row, { secrets: secret });
    source.on('*', () => {});
    expect((await source.fetch(request)).ok).toBe(true);
    expect(seconds.claim).toBeGreaterThan(0);
    expect(seconds.claim).toBeLessThanOrEqual(spanSeconds / 2);
    expect(seconds.done).toBeGreaterThan(spanSeconds);
  }
});

it('is its own for a Redis client that sends a command again', async () => {
  const values = new Map<string, string>();
  const send = async ([command, name = '', value = '']: readonly string[]) => {
    if (command === 'GET') return values.get(name) ?? null;
    const isThere = values.has(name);
    if (!isThere) values.set(name, value);
    return isThere ? null : 'OK';
  };
  const store = redisDedupe(async (words) => {
    if (words[0] === 'SET') await send(words);
    return send(words);
  });
  expect(await store.claim('key', 60, 'mine')).toBe('claimed');
  expect(await store.claim('key', 60, 'other')).toBe('busy');
});

it('stands although old ones cannot be swept', async () => {
  const store = postgresDedupe({
    async query(text) {
      if (/^delete from \S+ where key in/.test(text)) throw new Error('deadlock detected');
      return { rows: [{ key: 'key' }] };
    },
  });
  expect(await store.claim('key', 60, 'mine')).toBe('claimed');
});
