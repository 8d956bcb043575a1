// Many messages in one request: a result for each, in order, and the bytes of each kept.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

let api: TestApi;
let app: string;

beforeAll(async () => {
  api = await startTestApi();
  app = (await api.client.application.create({ name: 'Acme' })).id;
});
afterAll(() => api.stop());

const post = (body: unknown, headers?: Record<string, string>) =>
  request(api, 'POST', `/api/v1/app/${app}/msg/batch`, body, headers);
const results = async (body: unknown, headers?: Record<string, string>) => {
  const answer = await post(body, headers);
  expect(answer.status).toBe(202);
  return answer.body.data as { status: number; message?: { id: string }; code?: string; detail?: unknown }[];
};

test('every message is accepted or refused on its own, in order', async () => {
  const data = await results({
    messages: [
      { eventType: 'a', payload: { n: 1 }, eventId: 'first' },
      { eventType: 'no spaces allowed', payload: {} },
      { eventType: 'a', payload: { n: 2 }, eventId: 'first' },
      'not an object',
      { eventType: 'b', payload: { n: 3 } },
    ],
  });
  expect([1, 3, 4].map((index) => data[index]?.status)).toEqual([422, 422, 202]);
  expect(data[1]?.detail).toMatchObject([{ loc: ['body', 'eventType'] }]);
  // Of two with the same eventId either may be stored first; the other one names it.
  const [stored, refused] = [data[0]!, data[2]!].sort((one, other) => one.status - other.status);
  expect(stored).toMatchObject({ status: 202, message: { eventType: 'a', eventId: 'first', payload: {} } });
  expect(refused).toMatchObject({
    status: 409,
    code: 'conflict',
    detail: expect.stringContaining(stored!.message!.id),
  });
});

test('the payload bytes of each message are stored as they came', async () => {
  const payloads = ['{ "n" : 1e400 }', '{"a":[1,{"b":"]}"}],"c":12345678901234567890}', '{}'];
  const text = `{"messages": [ ${payloads.map((p) => `{"payload":${p},"eventType":"x"}`).join(' ,\n ')} ] }`;
  const data = await results(text);
  for (const [index, payload] of payloads.entries()) {
    const row = await api.db.queries
      .selectFrom('message_body')
      .select('payload')
      .where('message_id', '=', data[index]?.message?.id ?? '')
      .executeTakeFirstOrThrow();
    expect(row.payload?.toString()).toBe(payload);
  }
});

test('1,000 messages are accepted at once; none and 1,001 are refused whole', async () => {
  const many = (count: number) => ({
    messages: Array.from({ length: count }, (_, n) => ({ eventType: 'x', payload: { n } })),
  });
  const data = await results(many(1000));
  expect(new Set(data.map(({ message }) => message?.id)).size).toBe(1000);
  expect((await post(many(1001))).status).toBe(422);
  expect((await post(many(0))).status).toBe(422);
});

test('a repeated request under the same idempotency key gives the same messages', async () => {
  const body = { messages: [1, 2, 3].map((n) => ({ eventType: 'x', payload: { n } })) };
  const headers = { 'idempotency-key': 'batch-1' };
  const first = await results(body, headers);
  const second = await results(body, headers);
  expect(second).toEqual(first);
  const other = await results({ messages: [{ eventType: 'x', payload: { n: 9 } }] }, headers);
  expect(other[0]).toMatchObject({ status: 422, code: 'idempotency_mismatch' });
});

test('an unknown application is a 404', async () => {
  const body = { messages: [{ eventType: 'x', payload: {} }] };
  expect((await request(api, 'POST', '/api/v1/app/nobody/msg/batch', body)).status).toBe(404);
});
