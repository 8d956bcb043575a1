// How large a body may be, in bytes and in values, and what does not count: the payload.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

const valuesMax = 10_000;
const kibibyte = 1024;

let posthorn: TestApi;
let app: string;
let messages: string;
beforeAll(async () => {
  posthorn = await startTestApi();
  app = (await posthorn.client.application.create({ name: 'Acme' })).id;
  messages = `/api/v1/app/${app}/msg`;
});
afterAll(() => posthorn.stop());

const post = (path: string, body: unknown) => request(posthorn, 'POST', path, body);
const many = Array.from({ length: valuesMax + 1 }, (_, i) => i);
const tooMany = [{ loc: ['body'], msg: 'must not hold more than 10000 values', type: 'value_error' }];

test('a body that is not a message may have 512 KiB', async () => {
  const body = (kibibytes: number) => ({ name: 'x', ignored: 'x'.repeat(kibibytes * kibibyte) });
  expect((await post('/api/v1/app', body(500))).status).toBe(201);
  const refused = await post('/api/v1/app', body(512));
  expect(refused.status).toBe(413);
  expect(refused.body).toEqual({
    code: 'payload_too_large',
    detail: 'the request body must not be larger than 524288 bytes',
  });
});

test('a message may have more, and so may a route that reads no body', async () => {
  const text = 'x'.repeat(600 * kibibyte);
  expect((await post(messages, { eventType: 'x', payload: { text } })).status).toBe(202);
  expect((await post(`${messages}/nothing/endpoint/nothing/resend`, { text })).status).toBe(404);
});

test.each(['tags', 'channels', 'nobody-knows-it'])(
  '10,001 values in %s are refused with the limit',
  async (field) => {
    const answer = await post(messages, { eventType: 'x', payload: {}, [field]: many });
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toEqual(tooMany);
  },
);

test('10,001 members are refused with the limit', async () => {
  const members = Object.fromEntries(many.map((i) => [`name${i}`, i]));
  const answer = await post(messages, { ...members, eventType: 'x', payload: {} });
  expect(answer.body.detail).toEqual(tooMany);
});

test.each(['payload', 'data', '\\u0070ayload'])(
  'the values of a payload that is written %s do not count',
  async (name) => {
    const list = JSON.stringify(many);
    const answer = await post(messages, `{"eventType":"x", "${name}" : {"list":${list}} , "tags":["t"]}`);
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ payload: { list: many }, tags: ['t'] });
  },
);

test('a payload that comes twice counts once, and the last one is taken', async () => {
  const large = JSON.stringify(many);
  const answer = await post(messages, `{"eventType":"x","payload":{"n":1},"payload":{"n":${large}}}`);
  expect(answer.body.payload).toEqual({ n: many });
  const other = await post(messages, `{"eventType":"x","payload":{"n":${large}},"payload":{"n":1}}`);
  expect(other.body.detail).toEqual(tooMany);
});

test('a large payload that is no object is refused with its place', async () => {
  const answer = await post(messages, { eventType: 'x', payload: many });
  expect(answer.status).toBe(422);
  expect(answer.body.detail).toMatchObject([{ loc: ['body', 'payload'] }]);
});

test('the messages of a batch are counted each by itself', async () => {
  const message = { eventType: 'x', payload: { many } };
  const answer = await post(`${messages}/batch`, {
    messages: [message, { ...message, tags: many }, message],
  });
  expect(answer.status).toBe(202);
  expect(answer.body.data).toMatchObject([
    { status: 202 },
    { status: 422, detail: tooMany },
    { status: 202 },
  ]);
});

test('a message of a batch may be as large as one alone', async () => {
  const text = 'x'.repeat(1025 * kibibyte);
  const message = { eventType: 'x', payload: {} };
  const answer = await post(`${messages}/batch`, { messages: [{ ...message, payload: { text } }, message] });
  expect(answer.body.data).toMatchObject([{ status: 413, code: 'payload_too_large' }, { status: 202 }]);
});

const start = `{"eventType":"x","payload":{"list":[${'1,'.repeat(20_000)}`;
test.each(['01]}}', ']}}', '1]}', '1]}}}', '1]} "tags":[]}', '1],"a":}}', '"\t"]}}', '1]},"tags":["\\x"]}'])(
  'a large body that ends with %j is refused with the place',
  async (end) => {
    const answer = await post(messages, start + end);
    expect(answer.status).toBe(422);
    const msg = expect.stringMatching(/not valid JSON, at position \d+$/);
    expect(answer.body.detail).toEqual([{ loc: ['body'], msg, type: 'value_error.jsondecode' }]);
  },
);

test('a large batch that is not JSON is refused whole', async () => {
  const list = JSON.stringify(many);
  const message = `{"eventType":"x","payload":{"list":${list}}}`;
  for (const bad of [
    `${message} ${message}`,
    `${message}.1`,
    `"a".5,${message}`,
    `${message},`,
    '{"a":01}',
  ]) {
    const answer = await post(`${messages}/batch`, `{"messages":[${message},${bad}]}`);
    expect(answer.status, bad.slice(-20)).toBe(422);
    expect(answer.body.detail).toMatchObject([{ loc: ['body'], type: 'value_error.jsondecode' }]);
  }
});

test('a name that is too long to be repeated is refused without it', async () => {
  const answer = await post('/api/v1/app', { name: 'x', metadata: { ['x'.repeat(5_000)]: 1 } });
  expect(answer.status).toBe(422);
  const msg = "a field's name must not be longer than 4096 characters";
  expect(answer.body.detail).toEqual([{ loc: ['body', 'metadata'], msg, type: 'value_error' }]);
});

test('what nobody knows is not looked at', async () => {
  const answer = await post(
    messages,
    '{"eventType":"x","payload":{},"other":["a\\u0000b"],"more":"\\ud800"}',
  );
  expect(answer.status).toBe(202);
});

test('data may hold any text, as the payload may', async () => {
  expect((await post(messages, '{"eventType":"x","data":{"a":"b\\u0000\\ud800"}}')).status).toBe(202);
});
