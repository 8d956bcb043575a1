// The numbers of an endpoint, as the official client reads them.
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { DeliveryState } from '../src/store/tables.ts';
import { request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { insertDelivery } from './support/delivery-rows.ts';

const dayMs = 24 * 3_600_000;

let test: TestApi;
let app: string;
let endpoint: string;

beforeAll(async () => {
  test = await startTestApi();
});
afterAll(() => test.stop());
beforeEach(async () => {
  app = (await test.client.application.create({ name: 'Acme' })).id;
  endpoint = await newEndpoint();
});

const newEndpoint = async () => (await test.client.endpoint.create(app, { url: 'http://127.0.0.1:9/' })).id;

async function delivered(state: DeliveryState, endpointId = endpoint): Promise<string> {
  const { id } = await test.client.message.create(app, { eventType: 'a', payload: {} });
  await insertDelivery(test, { applicationId: app, messageId: id, endpointId }, state);
  return id;
}

async function accept(messageId: string, at: Date): Promise<void> {
  await test.db.pool.query('update posthorn.message set created_at = $2 where id = $1', [messageId, at]);
}

const none = { success: 0, pending: 0, sending: 0, fail: 0, canceled: 0 };

it('counts the deliveries of the endpoint by where they stand', async () => {
  expect(await test.client.endpoint.getStats(app, endpoint)).toEqual(none);
  const counts = {
    succeeded: 2,
    pending: 1,
    delivering: 1,
    retrying: 2,
    exhausted: 3,
    cancelled: 1,
  } as const;
  for (const [state, count] of Object.entries(counts)) {
    for (let i = 0; i < count; i += 1) await delivered(state as DeliveryState);
  }
  await delivered('succeeded', await newEndpoint());
  expect(await test.client.endpoint.getStats(app, endpoint)).toEqual({
    success: 2,
    pending: 1,
    sending: 3,
    fail: 3,
    canceled: 1,
  });
});

it('counts the messages that were accepted from since, before until', async () => {
  const at = new Date(Date.now() - 60_000);
  const after = (ms: number) => new Date(at.getTime() + ms);
  for (const ms of [-1, 0, 999, 1_000]) await accept(await delivered('succeeded'), after(ms));
  const { endpoint: endpoints } = test.client;
  expect((await endpoints.getStats(app, endpoint, { since: at, until: after(1_000) })).success).toBe(2);
  expect((await endpoints.getStats(app, endpoint, { since: at })).success).toBe(3);
  expect((await endpoints.getStats(app, endpoint, { until: after(0) })).success).toBe(1);
  expect(await endpoints.getStats(app, endpoint, { since: at, until: at })).toEqual(none);
});

it('takes ranges of at most 28 days', async () => {
  const now = Date.now();
  const get = (since: number, until: number) =>
    request(
      test,
      'GET',
      `/api/v1/app/${app}/endpoint/${endpoint}/stats?since=${new Date(since).toISOString()}&until=${new Date(until).toISOString()}`,
    );
  expect((await get(now - 28 * dayMs, now)).status).toBe(200);
  for (const [since, until] of [
    [now - 28 * dayMs - 1, now],
    [now, now - 1],
  ] as const) {
    const refused = await get(since, until);
    expect([refused.status, refused.body.code]).toEqual([400, 'invalid_range']);
  }
  const wrong = await request(test, 'GET', `/api/v1/app/${app}/endpoint/${endpoint}/stats?since=yesterday`);
  expect(wrong.status).toBe(422);
});
