// Fetching messages with the official client, on real processes.
import { Svix } from 'svix';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { request } from './support/api.ts';
import { createTestDatabase } from './support/database.ts';
import { endAllPosthorn, startPosthorn, testToken } from './support/posthorn-process.ts';
import type { PosthornProcess } from './support/posthorn-process.ts';

let processes: PosthornProcess[];
let dropDatabase: () => Promise<void>;

beforeAll(async () => {
  const database = await createTestDatabase();
  dropDatabase = database.drop;
  processes = [await startPosthorn(database.url), await startPosthorn(database.url)];
});
afterAll(async () => {
  await endAllPosthorn();
  await dropDatabase();
});

const server = () => ({ url: processes[0]!.url, token: testToken });
const client = () => processes[0]!.client;
const call = (method: string, path: string, body?: unknown, token = testToken) =>
  request({ ...server(), token }, method, `/api/v1${path}`, body);

interface Poller {
  app: string;
  id: string;
  token: string;
}

async function makePoller(more: object = {}): Promise<Poller> {
  const app = (await client().application.create({ name: 'Acme' })).id;
  const { status, body } = await call('POST', `/app/${app}/polling-endpoint`, more);
  expect(status).toBe(201);
  return { app, id: String(body.id), token: String(body.token) };
}

const send = (app: string, n: number, more: object = {}) =>
  client().message.create(app, { eventType: 'x', payload: { n }, ...more });
const numbersOf = (data: { payload: { n: number } }[]) => data.map(({ payload }) => payload.n);

describe('polling', () => {
  it('gives the messages in order with their payloads, and then waits at the end', async () => {
    const { app, id, token } = await makePoller();
    const own = new Svix(token, { serverUrl: server().url, retryScheduleInMs: [] });
    const start = await own.message.poller.poll(app, id);
    expect(start).toMatchObject({ data: [], done: true });
    const sent = [
      await send(app, 1, { tags: ['t'], channels: ['c'] }),
      await send(app, 2),
      await send(app, 3),
    ];
    const first = await own.message.poller.poll(app, id, { limit: 2, iterator: start.iterator });
    expect([numbersOf(first.data), first.done]).toEqual([[1, 2], false]);
    expect(first.data[0]).toEqual({
      ...sent[0],
      payload: { n: 1 },
      headers: { 'content-type': 'application/json' },
    });
    const second = await own.message.poller.poll(app, id, { iterator: first.iterator });
    expect([numbersOf(second.data), second.done]).toEqual([[3], true]);
    const end = await own.message.poller.poll(app, id, { iterator: second.iterator });
    expect(end).toEqual({ data: [], done: true, iterator: second.iterator });
    await send(app, 4);
    const more = await own.message.poller.poll(app, id, { iterator: end.iterator });
    expect(numbersOf(more.data)).toEqual([4]);
  });

  it('filters by what the poller wants, and by the query', async () => {
    const { app, id } = await makePoller({ eventTypes: ['a', 'b'], channels: ['x', 'y'] });
    await send(app, 1, { eventType: 'a', channels: ['x'] });
    await send(app, 2, { eventType: 'c', channels: ['x'] });
    await send(app, 3, { eventType: 'b', channels: ['z', 'y'] });
    const last = await send(app, 4, { eventType: 'a' });
    const poll = async (options: object) =>
      numbersOf((await client().message.poller.poll(app, id, options)).data);
    expect(await poll({})).toEqual([1, 3]);
    expect(await poll({ eventType: 'b' })).toEqual([3]);
    expect(await poll({ channel: 'x' })).toEqual([1]);
    expect(await poll({ after: new Date(last.timestamp.getTime() + 60_000) })).toEqual([]);
    await call('PATCH', `/app/${app}/polling-endpoint/${id}`, { eventTypes: ['c'], channels: null });
    expect(await poll({})).toEqual([2]);
  });

  it('begins where the poller was made, and shows a deleted payload as expired', async () => {
    const { app, id } = await makePoller();
    const one = await send(app, 1);
    await client().message.expungeContent(app, one.id);
    const { data } = await client().message.poller.poll(app, id);
    expect(data.map(({ payload }) => payload)).toEqual([{ expired: true }]);
    const { body } = await call('POST', `/app/${app}/polling-endpoint`, { uid: 'second' });
    expect(body.uid).toBe('second');
    expect((await client().message.poller.poll(app, 'second')).data).toEqual([]);
  });

  it('refuses what is no iterator, and what is not its own', async () => {
    const { app, id, token } = await makePoller();
    const other = await makePoller();
    const paths = [`/app/${app}/poller/${id}?iterator=nonsense`, `/app/${app}/poller/${id}?limit=0`];
    for (const path of paths) expect((await call('GET', path)).status, path).toBe(422);
    expect((await call('GET', `/app/${other.app}/poller/${id}`)).status).toBe(404);
    const asOwn = async (method: string, path: string, body?: unknown) =>
      (await call(method, path, body, token)).status;
    expect(await asOwn('GET', `/app/${app}/poller/${id}`)).toBe(200);
    expect(await asOwn('GET', `/app/${other.app}/poller/${other.id}`)).toBe(401);
    expect(await asOwn('GET', `/app/${app}/msg`)).toBe(401);
    expect(await asOwn('POST', `/app/${app}/msg`, { eventType: 'x', payload: {} })).toBe(401);
    expect(await asOwn('DELETE', `/app/${app}/polling-endpoint/${id}`)).toBe(401);
    const { body } = await call('POST', `/app/${app}/polling-endpoint/${id}/token/rotate`, {});
    expect(await asOwn('GET', `/app/${app}/poller/${id}`)).toBe(401);
    expect((await call('GET', `/app/${app}/poller/${id}`, undefined, String(body.token))).status).toBe(200);
    expect((await call('DELETE', `/app/${app}/polling-endpoint/${id}`)).status).toBe(204);
    expect((await call('GET', `/app/${app}/poller/${id}`, undefined, String(body.token))).status).toBe(401);
    expect((await call('GET', `/app/${app}/polling-endpoint`)).body.data).toEqual([]);
  });
});

describe('a consumer', () => {
  it('gets the same again until it confirms, apart from others, and can be set back', async () => {
    const { app, id } = await makePoller();
    const poller = client().message.poller;
    const first = await send(app, 1);
    for (const n of [2, 3]) await send(app, n);
    const one = await poller.consumerPoll(app, id, 'one', { limit: 2 });
    expect(numbersOf(one.data)).toEqual([1, 2]);
    expect(numbersOf((await poller.consumerPoll(app, id, 'one')).data)).toEqual([1, 2, 3]);
    expect(numbersOf((await poller.consumerPoll(app, id, 'one', { iterator: one.iterator })).data)).toEqual([
      3,
    ]);
    expect(numbersOf((await poller.consumerPoll(app, id, 'one')).data)).toEqual([3]);
    expect(numbersOf((await poller.consumerPoll(app, id, 'two')).data)).toEqual([1, 2, 3]);
    const future = new Date(Date.now() + 60_000);
    const { iterator } = await poller.consumerSeek(app, id, 'one', { after: future });
    expect((await poller.consumerPoll(app, id, 'one')).iterator).toBe(iterator);
    expect((await poller.consumerPoll(app, id, 'one')).data).toEqual([]);
    await poller.consumerSeek(app, id, 'one', { after: new Date(first.timestamp.getTime() - 60_000) });
    expect(numbersOf((await poller.consumerPoll(app, id, 'one')).data)).toEqual([1, 2, 3]);
  });
});

it('two processes accept at the same time: a poller that follows them skips nothing', async () => {
  const { app, id } = await makePoller();
  await client().endpoint.create(app, { url: 'http://127.0.0.1:1/', disabled: true });
  const perWriter = 150;
  let writing = true;
  const write = async (writer: PosthornProcess, from: number) => {
    for (let n = from; n < from + perWriter; n += 10) {
      const one = (k: number) => writer.client.message.create(app, { eventType: 'x', payload: { n: n + k } });
      await Promise.all(Array.from({ length: 10 }, (_, k) => one(k)));
    }
  };
  const seen: number[] = [];
  const follow = async () => {
    let iterator: string | null = null;
    for (let done = false; writing || !done; ) {
      const page = await client().message.poller.poll(app, id, { iterator, limit: 20 });
      seen.push(...numbersOf(page.data));
      ({ iterator, done } = page);
    }
    seen.push(...numbersOf((await client().message.poller.poll(app, id, { iterator })).data));
  };
  const following = follow();
  await Promise.all(processes.map((writer, index) => write(writer, index * perWriter)));
  writing = false;
  await following;
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 2 * perWriter }, (_, n) => n));
});
