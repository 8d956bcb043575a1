// Endpoints with an order by key, on real processes: one at a time for each key, whatever happens to the others.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { testDatabase, testRecorder } from './support/end-to-end.ts';
import { gatewayClient } from './support/gateway.ts';
import type { GatewayClient, Source } from './support/gateway.ts';
import { type PosthornProcess, startPosthorn, testToken } from './support/posthorn-process.ts';
import type { Recorder } from './support/recorder.ts';
import { waitFor } from './support/wait.ts';

interface Event {
  key: string;
  n: number;
}

interface Receiver extends Recorder {
  /** Keys of which more than one request was under way at the same time. */
  overlapping: Set<string>;
  /** How many requests were under way at the same time, at most. */
  inFlightMax: number;
}

const eventOf = (body: Buffer) => JSON.parse(body.toString()) as Event;
const events = (receiver: Recorder) => receiver.requests.map(({ body }) => eventOf(body));
const ofKey = (receiver: Recorder, key: string) =>
  events(receiver)
    .filter((event) => event.key === key)
    .map(({ n }) => n);
const firstOf = (receiver: Recorder, key: string) => [...new Set(ofKey(receiver, key))];
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

interface Manner {
  /** Whether the request (from 0) for the event is refused. */
  fails?: (event: Event, request: number) => boolean;
  delayMs?: (event: Event) => number;
  /** What the answer is held back for. */
  until?: (event: Event) => Promise<unknown> | undefined;
}

async function startReceiver({ fails, delayMs, until }: Manner = {}): Promise<Receiver> {
  const recorder = await testRecorder();
  const receiver: Receiver = Object.assign(recorder, { overlapping: new Set<string>(), inFlightMax: 0 });
  const seen = new Map<string, number>();
  const endsAtMs = new Map<string, number>();
  recorder.answer = ({ body, atMs }) => {
    const event = eventOf(body);
    const name = `${event.key} ${event.n}`;
    const request = seen.get(name) ?? 0;
    seen.set(name, request + 1);
    const ms = delayMs?.(event) ?? 1;
    // A sender that died left its request behind: that one is not waited for.
    if ((endsAtMs.get(event.key) ?? 0) > atMs) receiver.overlapping.add(event.key);
    const held = until?.(event);
    endsAtMs.set(event.key, held ? Number.POSITIVE_INFINITY : atMs + ms);
    void held?.then(() => endsAtMs.delete(event.key));
    receiver.inFlightMax = Math.max(
      receiver.inFlightMax,
      recorder.requests.length - recorder.answeredCount(),
    );
    return { status: fails?.(event, request) ? 500 : 200, delayMs: ms, ...(held ? { until: held } : {}) };
  };
  return receiver;
}

async function call(posthorn: PosthornProcess, method: string, path: string, body: unknown) {
  const response = await fetch(`${posthorn.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as { id: string };
}

async function register(posthorn: PosthornProcess, url: string, onFailure: 'block' | 'skip' = 'block') {
  await call(posthorn, 'POST', '/app', { name: 'Acme', uid: 'acme' });
  const ordering = { mode: 'key', onFailure };
  expect(await call(posthorn, 'PUT', '/app/acme/endpoint/main', { url, ordering })).toMatchObject({
    ordering: { mode: 'key', onFailure, onlyNewer: false },
  });
}

const messageOf = ({ key, n }: Event) => ({ eventType: 'x', orderKey: key, payload: { key, n } });
const send = (posthorn: PosthornProcess, event: Event) =>
  call(posthorn, 'POST', '/app/acme/msg', messageOf(event));
const sendBatch = (posthorn: PosthornProcess, wanted: readonly Event[]) =>
  call(posthorn, 'POST', '/app/acme/msg/batch', { messages: wanted.map(messageOf) });
const inTurn = (keys: readonly string[], count: number) =>
  upTo(count).flatMap((n) => keys.map((key) => ({ key, n })));

/** Longer than a receiver of these tests holds an answer back. */
const patient = { POSTHORN_ATTEMPT_TIMEOUT_SECONDS: '60' };
const atOnce = { POSTHORN_RETRY_SCHEDULE: '0,0,0,0' };

test('block: a key is served in its order through retries, and the others do not wait for it', async () => {
  const receiver: Receiver = await startReceiver({
    fails: ({ key, n }, request) => key === 'a' && n % 5 === 2 && request < 2,
    delayMs: () => 2,
    // One request of a key is held back until others came.
    until: ({ key, n }) =>
      key === 'slow' && n === 0
        ? waitFor(() => events(receiver).filter((event) => event.key !== 'slow').length > 8)
        : undefined,
  });
  const posthorn = await startPosthorn(await testDatabase(), { ...atOnce, ...patient });
  await register(posthorn, receiver.url);
  await sendBatch(posthorn, inTurn(['slow'], 3));
  await sendBatch(posthorn, inTurn(['a', 'b', 'c', 'd'], 25));
  await waitFor(() => receiver.answeredCount() >= 113, { what: 'all 103' });
  expect(await posthorn.end('SIGTERM')).toBe(0);
  expect(ofKey(receiver, 'a')).toEqual(upTo(25).flatMap((n) => (n % 5 === 2 ? [n, n, n] : [n])));
  for (const key of ['b', 'c', 'd']) expect(ofKey(receiver, key)).toEqual(upTo(25));
  expect(ofKey(receiver, 'slow')).toEqual(upTo(3));
  expect([...receiver.overlapping]).toEqual([]);
  expect(receiver.inFlightMax).toBeGreaterThan(1);
});

test('block: one that is exhausted lets the next one with its key go', async () => {
  const receiver = await startReceiver({ fails: ({ key, n }) => key === 'a' && n === 1 });
  const posthorn = await startPosthorn(await testDatabase(), atOnce);
  await register(posthorn, receiver.url);
  await sendBatch(posthorn, inTurn(['a', 'b'], 4));
  await waitFor(() => receiver.answeredCount() >= 11, { what: 'all 8' });
  expect(ofKey(receiver, 'a')).toEqual([0, 1, 1, 1, 1, 2, 3]);
  expect(ofKey(receiver, 'b')).toEqual([0, 1, 2, 3]);
});

test('skip: one that fails is tried again later, and never two of a key at a time', async () => {
  const receiver = await startReceiver({
    fails: ({ key, n }, request) => key === 'a' && n === 1 && request < 1,
    delayMs: () => 20,
  });
  const posthorn = await startPosthorn(await testDatabase(), { POSTHORN_RETRY_SCHEDULE: '0,3,3' });
  await register(posthorn, receiver.url, 'skip');
  await sendBatch(posthorn, inTurn(['a', 'b'], 6));
  await waitFor(() => receiver.answeredCount() >= 13, { what: 'all 12' });
  const ofA = ofKey(receiver, 'a');
  expect(firstOf(receiver, 'a')).toEqual(upTo(6));
  expect(ofA.toSorted()).toEqual([0, 1, 1, 2, 3, 4, 5]);
  expect(ofA.indexOf(2)).toBeLessThan(ofA.lastIndexOf(1));
  expect(ofKey(receiver, 'b')).toEqual(upTo(6));
  expect([...receiver.overlapping]).toEqual([]);
});

test('one key alone: all of its messages, one after the other', async () => {
  const receiver = await startReceiver();
  const posthorn = await startPosthorn(await testDatabase());
  await register(posthorn, receiver.url);
  await sendBatch(posthorn, inTurn(['a'], 100));
  await waitFor(() => receiver.answeredCount() >= 100, { what: 'all 100' });
  expect(ofKey(receiver, 'a')).toEqual(upTo(100));
  const [first, last] = [receiver.requests[0], receiver.requests.at(-1)];
  const perSecond = 99_000 / (last!.atMs - first!.atMs);
  process.stdout.write(`one key: ${perSecond.toFixed(0)} messages a second\n`);
});

test('messages without a key wait for nobody', async () => {
  // Nobody is answered before five are there.
  const receiver: Receiver = await startReceiver({
    until: () => waitFor(() => receiver.requests.length > 4, { what: 'five side by side' }),
  });
  const posthorn = await startPosthorn(await testDatabase(), patient);
  await register(posthorn, receiver.url);
  const messages = upTo(8).map((n) => ({ eventType: 'x', payload: { key: `none ${n}`, n } }));
  await call(posthorn, 'POST', '/app/acme/msg/batch', { messages });
  await waitFor(() => receiver.answeredCount() === 8, { what: 'all 8' });
  expect(receiver.inFlightMax).toBeGreaterThan(4);
});

test('kill -9 of one of two processes that accept and deliver: each key goes on where it was', async () => {
  const databaseUrl = await testDatabase();
  const receiver = await startReceiver({
    fails: ({ n }, request) => n === 4 && request < 1,
    delayMs: () => 20,
  });
  const doomed = await startPosthorn(databaseUrl, atOnce);
  const survivor = await startPosthorn(databaseUrl, atOnce);
  await register(doomed, receiver.url);
  const keys = upTo(12).map((n) => `key ${n}`);
  for (const n of upTo(8))
    await sendBatch(
      n % 2 === 0 ? doomed : survivor,
      keys.map((key) => ({ key, n })),
    );
  await waitFor(() => receiver.requests.length >= 40, { what: 'a part of them' });
  await doomed.end('SIGKILL');
  for (const key of keys) await send(survivor, { key, n: 8 });
  await waitFor(() => keys.every((key) => firstOf(receiver, key).length === 9), {
    what: 'all of all keys',
  });
  expect(await survivor.end('SIGTERM')).toBe(0);
  for (const key of keys) expect(firstOf(receiver, key)).toEqual(upTo(9));
  const again = receiver.requests.length - 12 * 9 - 12;
  process.stdout.write(`kill -9 with 12 keys: ${again} came again\n`);
  expect(again).toBeLessThanOrEqual(12);
});

const shop = (gateway: GatewayClient) =>
  gateway.source({ type: 'shopify', name: 'Shop', config: { secret: 'hush' } });

/** An order of a shop as Shopify tells of it: the key is shop and order, the time is when it was triggered. */
function tell(
  gateway: GatewayClient,
  source: Source,
  { key, n, minute, id = randomUUID() }: Event & { minute: number; id?: string },
): Promise<Response> {
  return gateway.send(source, 'shopify', {
    secret: 'hush',
    body: JSON.stringify({ id: key, key, n }),
    headers: {
      'x-shopify-topic': 'orders/updated',
      'x-shopify-webhook-id': id,
      'x-shopify-shop-domain': 'shop.test',
      'x-shopify-triggered-at': new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString(),
    },
  });
}

test('a source: what is older than what was delivered for its key ends cancelled, and says why', async () => {
  const receiver = await startReceiver();
  const posthorn = await startPosthorn(await testDatabase());
  const gateway = gatewayClient(posthorn);
  const source = await shop(gateway);
  const ordering = { mode: 'key', onFailure: 'skip', onlyNewer: true };
  const { id: endpointId } = await gateway.endpoint(source, { url: receiver.url, ordering });
  const repeated = { key: 'a', n: 20, minute: 20, id: randomUUID() };
  const told = [
    { key: 'a', n: 10, minute: 10 },
    repeated,
    { key: 'a', n: 15, minute: 15 },
    repeated,
    { key: 'b', n: 5, minute: 5 },
    { key: 'a', n: 21, minute: 20 },
    { key: 'a', n: 30, minute: 30 },
  ];
  for (const event of told) expect((await tell(gateway, source, event)).status).toBe(200);
  await waitFor(() => receiver.answeredCount() === 5, { what: 'all that are newer' });
  expect(ofKey(receiver, 'a')).toEqual([10, 20, 21, 30]);
  expect(ofKey(receiver, 'b')).toEqual([5]);
  const list = `/api/v1/app/${source.id}/endpoint/${endpointId}/msg`;
  const cancelled = await waitFor(async () => {
    const { body } = await gateway.api('GET', list);
    const data = body.data as Record<string, unknown>[];
    return (
      data.length === 6 &&
      data.every(({ status }) => status !== 1) &&
      data.filter(({ status }) => status === 4)
    );
  });
  expect(cancelled).toEqual([
    expect.objectContaining({
      orderKey: 'shop.test/a',
      eventAt: '2026-01-01T00:15:00.000Z',
      cancelReason: 'outdated',
      cancelDetail:
        'It happened at 2026-01-01T00:15:00.000Z, and what happened at 2026-01-01T00:20:00.000Z was delivered for its key before.',
      payload: expect.objectContaining({ n: 15 }),
    }),
  ]);
});

test('a source: what failed and is overtaken by something newer is not delivered any more', async () => {
  const receiver = await startReceiver({ fails: ({ n }, request) => n === 1 && request < 1 });
  const posthorn = await startPosthorn(await testDatabase(), { POSTHORN_RETRY_SCHEDULE: '0,12,12' });
  const gateway = gatewayClient(posthorn);
  const source = await shop(gateway);
  const ordering = { mode: 'key', onFailure: 'skip', onlyNewer: true };
  const { id: endpointId } = await gateway.endpoint(source, { url: receiver.url, ordering });
  await tell(gateway, source, { key: 'a', n: 1, minute: 1 });
  await waitFor(() => receiver.answeredCount() === 1, { what: 'the failure' });
  await tell(gateway, source, { key: 'a', n: 2, minute: 2 });
  const list = `/api/v1/app/${source.id}/endpoint/${endpointId}/msg`;
  const ended = await waitFor(
    async () => {
      const data = (await gateway.api('GET', list)).body.data as { status: number; cancelReason?: string }[];
      return data.every(({ status }) => status === 0 || status === 4) && data.length === 2 && data;
    },
    { what: 'the end of both' },
  );
  expect(ended.map(({ status, cancelReason }) => [status, cancelReason ?? null])).toEqual([
    [0, null],
    [4, 'outdated'],
  ]);
  expect(ofKey(receiver, 'a')).toEqual([1, 2]);
});

test('an order that is switched on, off and to keys loses nothing and holds nothing up', async () => {
  const receiver = await startReceiver({ delayMs: () => 5 });
  const posthorn = await startPosthorn(await testDatabase(), atOnce);
  await register(posthorn, receiver.url);
  const modes = [{ mode: 'fifo' }, { mode: 'key' }, null, { mode: 'key' }];
  for (const [round, ordering] of modes.entries()) {
    await sendBatch(
      posthorn,
      upTo(20).map((n) => ({ key: `key ${n % 4}`, n: round * 100 + n })),
    );
    await call(posthorn, 'PATCH', '/app/acme/endpoint/main', { ordering });
  }
  await sendBatch(
    posthorn,
    upTo(20).map((n) => ({ key: `key ${n % 4}`, n: 400 + n })),
  );
  await waitFor(() => receiver.answeredCount() >= 100, { what: 'all 100' });
  expect(new Set(events(receiver).map(({ n }) => n)).size).toBe(100);
  const last = upTo(4).map((key) => ofKey(receiver, `key ${key}`).filter((n) => n >= 400));
  for (const seen of last) expect(seen).toEqual(seen.toSorted((a, b) => a - b));
});
