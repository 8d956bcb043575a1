// Destinations: what the reference's client gives them is kept, whichever way they are made.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

let posthorn: TestApi;
let app: string;
beforeAll(async () => {
  posthorn = await startTestApi();
});
afterAll(() => posthorn.stop());
beforeEach(async () => {
  ({ id: app } = await posthorn.client.application.create({ name: 'Acme' }));
});

const keyOne = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const keyTwo = `whsec_${Buffer.alloc(24, 2).toString('base64')}`;
const url = 'http://127.0.0.1:9/';
const fifo = (config: object) => ({ type: 'fifoEndpoint' as const, config: { url, ...config } });
const keyOf = async (id: string) => (await posthorn.client.endpoint.getSecret(app, id)).key;
const headersOf = async (id: string) => (await posthorn.client.endpoint.getHeaders(app, id)).headers;

test('one that a PUT makes has its headers and its key', async () => {
  const { destination } = posthorn.client;
  const { id, uid } = await destination.upsert(
    app,
    'mine',
    fifo({ headers: { 'x-team': 'a' }, key: keyOne }),
  );
  expect(uid).toBe('mine');
  expect(await headersOf(id)).toEqual({ 'x-team': 'a' });
  expect(await keyOf(id)).toBe(keyOne);
});

test('a PUT replaces headers and key where it gives them, and leaves them where not', async () => {
  const { destination } = posthorn.client;
  const { id } = await destination.create(app, fifo({ headers: { 'x-team': 'a' }, key: keyOne }));
  await destination.upsert(app, id, fifo({}));
  expect([await headersOf(id), await keyOf(id)]).toEqual([{ 'x-team': 'a' }, keyOne]);
  const again = fifo({ headers: { 'x-team': 'b' }, key: keyTwo });
  // The same again is no rotation: ten old secrets would be too many.
  for (let times = 0; times < 10; times += 1) await destination.upsert(app, id, again);
  expect([await headersOf(id), await keyOf(id)]).toEqual([{ 'x-team': 'b' }, keyTwo]);
});

test('a header that may not be sent, and a key that is none, are refused, and nothing is changed', async () => {
  const { destination } = posthorn.client;
  const { id } = await destination.create(app, fifo({ headers: { 'x-team': 'a' }, key: keyOne }));
  for (const config of [{ headers: { host: 'x' } }, { key: 'short' }]) {
    const body = { ...fifo(config), metadata: { changed: 'yes' } };
    const answer = await request(posthorn, 'PUT', `/api/v1/app/${app}/destination/${id}`, body);
    expect(answer.status).toBe(422);
  }
  expect(await destination.get(app, id)).toMatchObject({ metadata: {} });
  expect([await headersOf(id), await keyOf(id)]).toEqual([{ 'x-team': 'a' }, keyOne]);
});

test('a failure of the database is no missing destination', async () => {
  const { id } = await posthorn.client.destination.create(app, fifo({}));
  const path = `/api/v1/app/${app}/destination/${id}`;
  await posthorn.db.pool.query('alter table posthorn.endpoint rename to away');
  try {
    expect((await request(posthorn, 'GET', path)).status).toBe(500);
  } finally {
    await posthorn.db.pool.query('alter table posthorn.away rename to endpoint');
  }
  expect((await request(posthorn, 'GET', path)).status).toBe(200);
});
