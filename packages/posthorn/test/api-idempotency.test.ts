// A POST under an idempotency-key, twice: one effect, and the same answer.
import { randomUUID } from 'node:crypto';
import { Svix } from 'svix';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHousekeeper } from '../src/delivery/housekeeper.ts';
import { systemClock } from '../src/lib/clock.ts';
import { request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { waitFor } from './support/wait.ts';

let test: TestApi;
let app: string;

beforeAll(async () => {
  test = await startTestApi();
  app = (await test.client.application.create({ name: 'Acme' })).id;
});
afterAll(() => test.stop());

const post = (path: string, body: unknown, key: string, token = test.token) =>
  request({ url: test.url, token }, 'POST', `/api/v1${path}`, body, { 'idempotency-key': key });
const count = async (from: string, values: unknown[] = []) => {
  const { rows } = await test.db.pool.query<{ n: number }>(
    `select count(*)::integer as n from ${from}`,
    values,
  );
  return rows[0]?.n;
};

describe('repeating a POST under its key', () => {
  const name = randomUUID();
  it.each<[string, () => string, () => object | undefined]>([
    ['an application', () => '/app', () => ({ name: 'Twice' })],
    ['an endpoint', () => `/app/${app}/endpoint`, () => ({ url: 'http://127.0.0.1:1/' })],
    ['an event type', () => '/event-type', () => ({ name, description: 'Once' })],
    ['a token, whose text is shown once', () => '/token', () => ({ name: 'Twice' })],
  ])('gives the same answer and has no second effect: %s', async (_, path, body) => {
    const key = randomUUID();
    const first = await post(path(), body(), key);
    const second = await post(path(), body(), key);
    expect(first.status).toBe(201);
    expect([second.status, second.text]).toEqual([201, first.text]);
    expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect([first, second].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true']);
  });

  it('repeats an answer without a body', async () => {
    const { id } = await test.client.endpoint.create(app, { url: 'http://127.0.0.1:1/' });
    const path = `/app/${app}/endpoint/${id}/secret/rotate`;
    const key = randomUUID();
    expect((await post(path, {}, key)).status).toBe(204);
    const { key: secret } = await test.client.endpoint.getSecret(app, id);
    const second = await post(path, {}, key);
    expect([second.status, second.text]).toEqual([204, '']);
    expect((await test.client.endpoint.getSecret(app, id)).key).toBe(secret);
  });

  it('repeats a refusal of what was asked, and forgets one that says not now', async () => {
    const key = randomUUID();
    const path = `/app/none-${key}/endpoint`;
    expect((await post(path, { url: 'http://127.0.0.1:1/' }, key)).status).toBe(404);
    await test.client.application.create({ name: 'Now', uid: `none-${key}` });
    expect((await post(path, { url: 'http://127.0.0.1:1/' }, key)).status).toBe(404);
    const taken = randomUUID();
    const { id } = await test.client.application.create({ name: 'Taken', uid: taken });
    expect((await post('/app', { name: 'Taken', uid: taken }, taken)).status).toBe(409);
    await test.client.application.delete(id);
    expect((await post('/app', { name: 'Taken', uid: taken }, taken)).status).toBe(201);
  });

  it('refuses the key with another body, path or query', async () => {
    const key = randomUUID();
    await post('/app', { name: 'One' }, key);
    for (const [path, body] of [
      ['/app', { name: 'Two' }],
      ['/app?get_if_exists=true', { name: 'One' }],
      ['/token', { name: 'One' }],
    ] as const) {
      const answer = await post(path, body, key);
      expect([answer.status, answer.body.code], path).toEqual([422, 'idempotency_mismatch']);
    }
  });

  it('keeps the keys of two tokens and of two environments apart', async () => {
    const key = randomUUID();
    const mine = await post('/app', { name: 'Mine' }, key);
    const { body } = await post('/token', { name: 'other' }, randomUUID());
    const stranger = await test.makeStranger();
    const ids = new Set([mine.body.id]);
    for (const token of [String(body.token), stranger.token]) {
      ids.add((await post('/app', { name: 'Other' }, key, token)).body.id);
    }
    expect(ids.size).toBe(3);
  });

  it('does not keep what is not valid, nor the answer to a question', async () => {
    const key = randomUUID();
    expect((await post('/app', {}, key)).status).toBe(422);
    expect((await post('/app', { name: 'Corrected' }, key)).status).toBe(201);
    const before = await count('posthorn.idempotent_request');
    await test.client.message.precheck(app, { eventType: 'a' });
    await test.client.message.create(app, { eventType: 'a', payload: {} });
    expect(await count('posthorn.idempotent_request')).toBe(before);
  });

  it('keeps no secret readable', async () => {
    const { body } = await post('/token', { name: 'secret' }, randomUUID());
    const readable = await count(
      'posthorn.idempotent_request where position($1::bytea in answer_sealed) > 0',
      [Buffer.from(String(body.token))],
    );
    expect(readable).toBe(0);
  });
});

describe('at the same time', () => {
  it('one of twenty has the effect; the others get its answer or are told that it is under way', async () => {
    const key = randomUUID();
    const uid = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post('/app', { name: uid }, key)));
    const kinds = answers.map(({ status, body }) => (status === 201 ? body.id : body.code));
    const made = new Set(kinds.filter((kind) => kind !== 'request_in_progress'));
    expect(made.size).toBe(1);
    expect(await count('posthorn.application where name = $1', [uid])).toBe(1);
    const last = await post('/app', { name: uid }, key);
    expect([last.status, last.body.id]).toEqual([201, [...made][0]]);
  });

  it('a second request is refused while the first is held up, and gets its answer afterwards', async () => {
    const key = randomUUID();
    const uid = randomUUID();
    const blocker = await test.db.pool.connect();
    await blocker.query('begin');
    await blocker.query('lock table posthorn.application in exclusive mode');
    const first = post('/app', { name: 'Held', uid }, key);
    await waitFor(async () => (await count('posthorn.idempotent_request where key = $1', [key])) === 1, {
      what: 'the first request',
    });
    const second = await post('/app', { name: 'Held', uid }, key);
    await blocker.query('rollback');
    blocker.release();
    expect([second.status, second.body.code]).toEqual([409, 'request_in_progress']);
    expect((await first).status).toBe(201);
    expect((await post('/app', { name: 'Held', uid }, key)).text).toBe((await first).text);
  });
});

describe('what was cut off or is old', () => {
  const age = (key: string, interval: string, more = '') =>
    test.db.pool.query(
      `update posthorn.idempotent_request set started_at = started_at - $2::interval ${more} where key = $1`,
      [key, interval],
    );

  it('is taken over after a minute, by the same request only', async () => {
    const key = randomUUID();
    await post('/app', { name: 'Cut' }, key);
    await age(key, '59 s', ', status = null, answer_sealed = null');
    expect((await post('/app', { name: 'Cut' }, key)).status).toBe(409);
    await age(key, '2 s');
    expect((await post('/app', { name: 'Other' }, key)).status).toBe(422);
    expect((await post('/app', { name: 'Cut' }, key)).status).toBe(201);
    expect(await count('posthorn.application where name = $1', ['Cut'])).toBe(2);
  });

  it('counts no more after a day, and is swept', async () => {
    const [old, young] = [randomUUID(), randomUUID()];
    for (const key of [old, young]) await post('/app', { name: 'Old' }, key);
    await age(old, '25 h');
    const keeper = createHousekeeper({
      pool: test.db.pool,
      clock: systemClock,
      log: { debug() {}, info() {}, warn() {}, error() {} },
    });
    await keeper.runOnce();
    const left = 'posthorn.idempotent_request where key = $1';
    expect([await count(left, [old]), await count(left, [young])]).toEqual([0, 1]);
    await age(young, '25 h');
    expect((await post('/app', { name: 'New' }, young)).status).toBe(201);
  });
});

it('the official client, whose connection breaks after the request, does not make two', async () => {
  const name = randomUUID();
  let calls = 0;
  const client = new Svix(test.token, {
    serverUrl: test.url,
    retryScheduleInMs: [1, 1],
    fetch: async (input: string | URL | Request, init?: RequestInit) => {
      const response = await fetch(input, init);
      calls += 1;
      if (calls === 1) throw new TypeError('the answer was lost');
      return response;
    },
  });
  const made = await client.application.create({ name });
  expect(calls).toBe(2);
  expect(await count('posthorn.application where name = $1', [name])).toBe(1);
  expect(made.name).toBe(name);
});
