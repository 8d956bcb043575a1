// Duplicates: what every store must do, on the real thing, and what the receiver makes of it.
import { createClient } from 'redis';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { memoryDedupe } from '../../src/dedupe/memory.ts';
import { postgresDedupe, postgresDedupeTable } from '../../src/dedupe/postgres.ts';
import { redisDedupe } from '../../src/dedupe/redis.ts';
import { workersKvDedupe } from '../../src/dedupe/workers-kv.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { github } from '../../src/providers/github.ts';
import { stripe } from '../../src/providers/stripe.ts';
import { createReceiver } from '../../src/receiver/index.ts';
import type { DedupeStore, ReceiverOptions, SourceOptions } from '../../src/receiver/index.ts';
import { deferred } from '../support/deferred.ts';
import { startRespServer } from '../support/resp-server.ts';
import type { RespServer } from '../support/resp-server.ts';
import { githubRequest, githubSecret, stripeRequest, stripeSecret } from '../support/signed-requests.ts';
import type { SignedRequest } from '../support/signed-requests.ts';

let redis: RespServer;
let ioredis: Redis;
let nodeRedis: ReturnType<typeof createClient>;
let database: pg.Pool;

beforeAll(async () => {
  redis = await startRespServer();
  ioredis = new Redis(redis.url);
  nodeRedis = createClient({ url: redis.url });
  await nodeRedis.connect();
  database = new pg.Pool({ connectionString: inject('postgresUrl'), max: 4 });
  await database.query(`create schema if not exists ${schema}; ${postgresDedupeTable({ table })}`);
});

afterAll(async () => {
  ioredis.disconnect();
  nodeRedis.destroy();
  await redis.close();
  await database.query(`drop schema ${schema} cascade`);
  await database.end();
});

const schema = `dedupe_${process.pid}`;
const table = `${schema}.seen`;

const stores: [name: string, create: () => DedupeStore][] = [
  ['memory', () => memoryDedupe()],
  ['Redis by ioredis', () => redisDedupe(ioredis)],
  ['Redis by node-redis', () => redisDedupe(nodeRedis, { prefix: 'other:' })],
  [
    'Redis by a function',
    () => redisDedupe(([command = '', ...rest]) => ioredis.call(command, ...rest), { prefix: 'f:' }),
  ],
  ['PostgreSQL', () => postgresDedupe(database, { table })],
];

describe.each(stores)('%s', (_name, create) => {
  let store: DedupeStore;
  let key: string;
  beforeEach(() => {
    store = create();
    key = `billing:${crypto.randomUUID()}`;
  });

  /** Claims until the id is free. */
  const claimedAgain = (seconds: number, holder: string) =>
    expect.poll(() => store.claim(key, seconds, holder), { timeout: 60_000, interval: 100 }).toBe('claimed');

  it('gives an id to one, and says to the others that it is taken', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => store.claim(key, 60, `holder-${index}`)),
    );
    expect(answers.sort()).toEqual([...Array<string>(7).fill('busy'), 'claimed']);
    expect(await store.claim(`${key}x`, 60, 'a')).toBe('claimed');
  });

  it('remembers what was handled', async () => {
    await store.claim(key, 60, 'a');
    await store.done(key, 60);
    expect(await store.claim(key, 60, 'b')).toBe('done');
  });

  it('gives an id again after its release', async () => {
    await store.claim(key, 60, 'a');
    await store.release(key, 'a');
    expect(await store.claim(key, 60, 'b')).toBe('claimed');
  });

  it('gives an id again when its time has run out', async () => {
    await store.claim(key, 1, 'a');
    await claimedAgain(60, 'b');
    await store.done(key, 1);
    await claimedAgain(60, 'c');
  });

  it('gives back nothing that another holds by now', async () => {
    await store.claim(key, 1, 'slow');
    await claimedAgain(60, 'next');
    await store.release(key, 'slow');
    expect(await store.claim(key, 60, 'third')).toBe('busy');
    await store.release(key, 'next');
    expect(await store.claim(key, 60, 'third')).toBe('claimed');
  });

  it('gives back nothing that was handled, by whomever', async () => {
    await store.claim(key, 1, 'slow');
    await claimedAgain(60, 'next');
    await store.done(key, 60);
    for (const holder of ['slow', 'next']) await store.release(key, holder);
    expect(await store.claim(key, 60, 'third')).toBe('done');
  });

  it('has no say about an id that it does not know', async () => {
    await store.release(key, 'a');
    await store.done(key, 60);
    expect(await store.claim(key, 60, 'a')).toBe('done');
  });
});

it('memory forgets the oldest past its limit', async () => {
  const store = memoryDedupe({ entriesMax: 2 });
  for (const key of ['a', 'b', 'c']) await store.claim(key, 60, 'first');
  expect(await store.claim('c', 60, 'second')).toBe('busy');
  expect(await store.claim('a', 60, 'second')).toBe('claimed');
});

it('PostgreSQL sweeps what has run out', async () => {
  const swept = `${schema}.swept`;
  await database.query(postgresDedupeTable({ table: swept }));
  await database.query(
    `insert into ${swept} select 'old' || n, null, now() - interval '1 second' from generate_series(1, 1500) as n`,
  );
  const count = async () => {
    const { rows } = await database.query(`select count(*)::int as old from ${swept} where key like 'old%'`);
    return (rows as { old: number }[])[0]?.old;
  };
  // A thousand at a time, and again while there may be more; then not for a while.
  const sweeper = postgresDedupe(database, { table: swept });
  const counts: unknown[] = [];
  for (const key of ['new-1', 'new-2', 'new-3']) {
    await sweeper.claim(key, 60, 'a');
    counts.push(await count());
    await database.query(`insert into ${swept} values ('old-' || $1, null, now() - interval '1 second')`, [
      key,
    ]);
  }
  expect(counts).toEqual([500, 0, 1]);
});

it('PostgreSQL takes no table whose name would be more than a name', () => {
  for (const wrong of ['a; drop table b', 'A', 'a.b.c', '"a"', '']) {
    expect(() => postgresDedupe(database, { table: wrong })).toThrow(TypeError);
    expect(() => postgresDedupeTable({ table: wrong })).toThrow(TypeError);
  }
});

it('Workers KV remembers what was handled, for no less than its shortest time', async () => {
  const puts: [string, string, object][] = [];
  const values = new Map<string, string>();
  const namespace = {
    get: async (key: string) => values.get(key) ?? null,
    async put(key: string, value: string, options: { expirationTtl: number }) {
      puts.push([key, value, options]);
      values.set(key, value);
    },
  };
  const store = workersKvDedupe(namespace);
  expect(await store.claim('a', 5, 'first')).toBe('claimed');
  await store.release('a', 'first');
  expect(await store.claim('a', 5, 'second')).toBe('claimed');
  await store.done('a', 5);
  expect(await store.claim('a', 5, 'third')).toBe('done');
  expect(puts).toEqual([['webhooks:a', 'done', { expirationTtl: 60 }]]);
});

const event = { id: 'evt_1', type: 'invoice.paid' };

function send(fetch: (request: Request) => Promise<Response>, { headers, body }: SignedRequest) {
  return fetch(new Request('https://example.com/billing', { method: 'POST', headers, body }));
}

function billing(options: Omit<ReceiverOptions, 'dedupe'> & SourceOptions = {}, provider: Provider = stripe) {
  const errors: unknown[] = [];
  const { dedupe: _, ...shared } = options;
  const receiver = createReceiver({ onError: (error) => errors.push(error), ...shared });
  const secrets = provider === stripe ? stripeSecret : githubSecret;
  const source = receiver.source('billing', provider, { secrets, ...options });
  return { receiver, source, errors, deliver: (request: SignedRequest) => send(source.fetch, request) };
}

describe('the receiver', () => {
  it('handles an event once, and accepts its copies', async () => {
    const { source, deliver } = billing({ dedupe: memoryDedupe() });
    let calls = 0;
    source.on('*', () => void (calls += 1));
    for (let copy = 0; copy < 3; copy += 1) expect((await deliver(stripeRequest(event))).status).toBe(204);
    expect(calls).toBe(1);
    await deliver(stripeRequest({ ...event, id: 'evt_2' }));
    expect(calls).toBe(2);
  });

  it('keeps the same id of two sources apart', async () => {
    const receiver = createReceiver({ dedupe: memoryDedupe() });
    const seen: string[] = [];
    for (const name of ['a', 'b']) {
      const source = receiver.source(name, stripe, { secrets: stripeSecret });
      source.on('*', () => void seen.push(name));
      await send(source.fetch, stripeRequest(event));
    }
    expect(seen).toEqual(['a', 'b']);
  });

  it('asks for a copy again while the first is being handled', async () => {
    const { source, deliver } = billing({ dedupe: memoryDedupe() });
    const begun = deferred();
    const ended = deferred();
    source.on('*', () => {
      begun.resolve();
      return ended.promise;
    });
    const first = deliver(stripeRequest(event));
    await begun.promise;
    expect((await deliver(stripeRequest(event))).status).toBe(503);
    ended.resolve();
    expect((await first).status).toBe(204);
    expect((await deliver(stripeRequest(event))).status).toBe(204);
  });

  it('takes the mark back when the handler fails, so that the retry is handled', async () => {
    const { source, deliver, errors } = billing({ dedupe: memoryDedupe() });
    const calls: string[] = [];
    source.on('*', () => {
      calls.push('first');
      if (calls.length === 1) throw new Error('not now');
    });
    source.on('*', () => void calls.push('second'));
    expect((await deliver(stripeRequest(event))).status).toBe(503);
    expect((await deliver(stripeRequest(event))).status).toBe(204);
    expect((await deliver(stripeRequest(event))).status).toBe(204);
    expect(calls).toEqual(['first', 'first', 'second']);
    expect(errors).toHaveLength(1);
  });

  it('takes the mark back when the answer of a handler asks for another try', async () => {
    const { source, deliver } = billing({ dedupe: memoryDedupe() });
    const statuses = [500, 202];
    source.on('*', () => new Response(null, { status: statuses.shift() ?? 500 }));
    expect((await deliver(stripeRequest(event))).status).toBe(500);
    expect((await deliver(stripeRequest(event))).status).toBe(202);
    expect((await deliver(stripeRequest(event))).status).toBe(204);
  });

  it('remembers after the handlers that run behind the answer, and forgets when they fail', async () => {
    const { receiver, source, deliver } = billing({ dedupe: memoryDedupe(), answerFirst: true });
    let calls = 0;
    source.on('*', () => {
      calls += 1;
      if (calls === 1) throw new Error('not now');
    });
    for (let copy = 0; copy < 3; copy += 1) {
      expect((await deliver(stripeRequest(event))).status).toBe(204);
      await receiver.idle();
    }
    expect(calls).toBe(2);
  });

  it('does not give back a claim that has run out: another may have it', async () => {
    let nowMs = Date.now();
    const released: string[] = [];
    const store: DedupeStore = { ...memoryDedupe(), release: async (key) => void released.push(key) };
    const { source, deliver } = billing({ dedupe: store, now: () => nowMs, claimSeconds: 10 });
    source.on('*', () => {
      nowMs += 10_000;
      throw new Error('too slow');
    });
    await deliver(stripeRequest(event));
    expect(released).toEqual([]);
  });

  it('keeps what one copy has handled, although another one has failed at it', async () => {
    let nowMs = Date.now();
    const now = () => nowMs;
    const { source, deliver } = billing({ dedupe: memoryDedupe({ now }), now, claimSeconds: 10 });
    const ends = [deferred(), deferred()];
    const begun = [deferred(), deferred()];
    let calls = 0;
    source.on('*', async () => {
      const call = calls;
      calls += 1;
      begun[call]?.resolve();
      await ends[call]?.promise;
      if (call === 1) throw new Error('not this one');
    });
    // The first takes longer than its claim, so that the second is let through beside it.
    const first = deliver(stripeRequest(event));
    await begun[0]?.promise;
    nowMs += 10_000;
    const second = deliver(stripeRequest(event));
    await begun[1]?.promise;
    ends[0]?.resolve();
    expect((await first).status).toBe(204);
    ends[1]?.resolve();
    expect((await second).status).toBe(503);
    expect((await deliver(stripeRequest(event))).status).toBe(204);
    expect(calls).toBe(2);
  });

  it('neither handles nor forgets when the store is away', async () => {
    const away = () => Promise.reject(new Error('away'));
    const { source, deliver, errors } = billing({ dedupe: { claim: away, done: away, release: away } });
    let calls = 0;
    source.on('*', () => void (calls += 1));
    expect((await deliver(stripeRequest(event))).status).toBe(503);
    expect([calls, errors]).toEqual([0, [new Error('away')]]);
  });

  it('does not repeat what was handled because it could not be remembered', async () => {
    const store: DedupeStore = { ...memoryDedupe(), done: () => Promise.reject(new Error('away')) };
    const { source, deliver, errors } = billing({ dedupe: store });
    source.on('*', () => {});
    expect((await deliver(stripeRequest(event))).status).toBe(204);
    expect(errors).toEqual([new Error('away')]);
  });

  it('goes by a key of your own, by none, or not at all', async () => {
    const count = async (options: SourceOptions, ids: string[]) => {
      const { source, deliver } = billing({ dedupe: memoryDedupe(), ...options });
      let calls = 0;
      source.on('*', () => void (calls += 1));
      for (const id of ids) await deliver(stripeRequest({ ...event, id }));
      return calls;
    };
    expect(await count({ dedupeKey: ({ type }) => type }, ['evt_1', 'evt_2'])).toBe(1);
    expect(await count({ dedupeKey: () => undefined }, ['evt_1', 'evt_1'])).toBe(2);
    expect(await count({ dedupe: 'off' }, ['evt_1', 'evt_1'])).toBe(2);
  });

  it('remembers for longer than the provider tries', async () => {
    const spans: number[] = [];
    const patient: Provider = { ...stripe, retry: { retries: true, spanSeconds: 30 * 86_400 } };
    for (const [provider, options] of [
      [stripe, {}],
      [patient, {}],
      [stripe, { dedupeSeconds: 60 }],
    ] as const) {
      const done = async (_key: string, seconds: number) => void spans.push(seconds);
      const store: DedupeStore = { ...memoryDedupe(), done };
      const receiver = createReceiver({ dedupe: store });
      const source = receiver.source('billing', provider, { secrets: stripeSecret, ...options });
      source.on('*', () => {});
      await send(source.fetch, stripeRequest(event));
    }
    expect(spans).toEqual([7 * 86_400, 31 * 86_400, 60]);
  });

  it('claims no more of an id than a store can hold', async () => {
    const keys: string[] = [];
    const store: DedupeStore = {
      ...memoryDedupe(),
      async claim(key) {
        keys.push(key);
        return 'done';
      },
    };
    const { source, deliver } = billing({ dedupe: store });
    source.on('*', () => {});
    for (const id of ['x'.repeat(5_000), 'ä', 'short']) await deliver(stripeRequest({ ...event, id }));
    expect(keys.map((key) => key.length)).toEqual([79, 79, 13]);
    expect(keys[0]).toMatch(/^billing:sha256-[0-9a-f]{64}$/);
  });
});

describe('a batch', () => {
  const batched: Provider = {
    ...github,
    event: { type: 'item:type', id: 'item:id', batch: 'body:events' },
  };
  const items = (...ids: string[]) => githubRequest({ events: ids.map((id) => ({ id, type: 'item' })) });

  it('is handled in order, and one item that fails stops none of the others', async () => {
    const { source, deliver } = billing({ dedupe: memoryDedupe() }, batched);
    const seen: (string | undefined)[] = [];
    source.on('item', ({ id }) => {
      seen.push(id);
      if (id === 'b' && seen.length < 4) throw new Error('not b');
    });
    expect((await deliver(items('a', 'b', 'c'))).status).toBe(503);
    expect(seen).toEqual(['a', 'b', 'c']);
    expect((await deliver(items('a', 'b', 'c'))).status).toBe(204);
    expect(seen).toEqual(['a', 'b', 'c', 'b']);
  });

  it('that numbers ids of its own loses none of them', async () => {
    const { source, deliver } = billing({ dedupe: memoryDedupe() }, batched);
    let calls = 0;
    source.on('item', () => void (calls += 1));
    for (let copy = 0; copy < 2; copy += 1)
      expect((await deliver(items('a', 'a', 'a#2', '2:a'))).status).toBe(204);
    expect(calls).toBe(4);
  });

  it('that has one id for all its items loses none of them', async () => {
    const byHeader: Provider = { ...batched, event: { ...batched.event, id: 'header:x-github-delivery' } };
    const { source, deliver } = billing({ dedupe: memoryDedupe() }, byHeader);
    let calls = 0;
    source.on('item', () => void (calls += 1));
    for (let copy = 0; copy < 2; copy += 1) expect((await deliver(items('a', 'b', 'c'))).status).toBe(204);
    expect(calls).toBe(3);
  });
});
