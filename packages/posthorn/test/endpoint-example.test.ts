// send-example through the real process: one message, to that endpoint and no other.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { request } from './support/api.ts';
import { createTestDatabase } from './support/database.ts';
import { endAllPosthorn, startPosthorn, testToken } from './support/posthorn-process.ts';
import type { PosthornProcess } from './support/posthorn-process.ts';
import { startRecorder } from './support/recorder.ts';
import type { Recorder } from './support/recorder.ts';
import { waitFor } from './support/wait.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let posthorn: PosthornProcess;
let receiver: Recorder;
let bystander: Recorder;
let application: string;
let endpoint: string;
let count = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  posthorn = await startPosthorn(database.url);
});
beforeEach(async () => {
  receiver = await startRecorder();
  bystander = await startRecorder();
  count += 1;
  application = `acme-${count}`;
  await posthorn.client.application.create({ name: 'Acme', uid: application });
  await posthorn.client.endpoint.create(application, { url: bystander.url });
  const made = await posthorn.client.endpoint.create(application, {
    url: receiver.url,
    eventTypes: ['something.else'],
    channels: ['some'],
  });
  endpoint = made.id;
});
afterEach(() => Promise.all([receiver.stop(), bystander.stop()]));
afterAll(async () => {
  await endAllPosthorn();
  await database.drop();
});

const sendRaw = (body: object) =>
  request(
    { url: posthorn.url, token: testToken },
    'POST',
    `/api/v1/app/${application}/endpoint/${endpoint}/send-example`,
    body,
  );
const arrived = async () => {
  await waitFor(() => receiver.requests.length === 1, { what: 'the example' });
  return JSON.parse(receiver.requests[0]!.body.toString());
};

test('an example reaches its endpoint, whatever that asks for, and no other', async () => {
  const { client } = posthorn;
  await client.eventType.create({
    name: 'invoice.paid',
    description: '',
    schemas: { 1: { examples: [{ id: 1 }, { id: 2 }] } },
  });
  const sent = await client.endpoint.sendExample(application, endpoint, {
    eventType: 'invoice.paid',
    exampleIndex: 1,
  });
  expect(sent).toMatchObject({ eventType: 'invoice.paid', payload: { id: 2 } });
  expect(await arrived()).toEqual({ id: 2 });
  expect(receiver.requests[0]?.headers['webhook-id']).toBe(sent.id);

  const messages = await client.message.list(application, { withContent: true });
  expect(messages.data.map(({ id, payload }) => [id, payload])).toEqual([[sent.id, { id: 2 }]]);
  const endpoints = await client.messageAttempt.listAttemptedDestinations(application, sent.id);
  expect(endpoints.data.map(({ id }) => id)).toEqual([endpoint]);
  await waitFor(async () => {
    const { data } = await client.messageAttempt.listByEndpoint(application, endpoint);
    return data.length === 1 && data[0]?.msgId === sent.id && data[0].responseStatusCode === 200;
  });
  expect(bystander.requests).toEqual([]);
});

test('svix.ping is built in', async () => {
  await posthorn.client.endpoint.sendExample(application, endpoint, { eventType: 'svix.ping' });
  expect(await arrived()).toEqual({ success: true });
});

test('without examples, one is made of the schema', async () => {
  await posthorn.client.eventType.create({
    name: 'made.up',
    description: '',
    schemas: { 1: { properties: { id: { type: 'integer' }, at: { format: 'date', type: 'string' } } } },
  });
  await posthorn.client.endpoint.sendExample(application, endpoint, { eventType: 'made.up' });
  expect(await arrived()).toEqual({ id: 0, at: '2026-01-31' });
});

test('the same key sends one', async () => {
  const options = { idempotencyKey: 'once' };
  const event = { eventType: 'svix.ping' };
  const first = await posthorn.client.endpoint.sendExample(application, endpoint, event, options);
  const second = await posthorn.client.endpoint.sendExample(application, endpoint, event, options);
  expect(second.id).toBe(first.id);
  expect((await posthorn.client.message.list(application)).data).toHaveLength(1);
});

test('what cannot be sent is refused, each for its reason', async () => {
  const { client } = posthorn;
  expect(await sendRaw({ eventType: 'un.known' })).toMatchObject({ status: 404 });
  await client.eventType.create({ name: 'schema.less', description: '' });
  expect(await sendRaw({ eventType: 'schema.less' })).toMatchObject({
    status: 400,
    body: { code: 'invalid_scheme' },
  });
  await client.eventType.upsert('one.example', { description: '', schemas: { 1: { examples: [{}] } } });
  expect(await sendRaw({ eventType: 'one.example', exampleIndex: 1 })).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ['body', 'exampleIndex'] }] },
  });
  await client.endpoint.patch(application, endpoint, { disabled: true });
  expect(await sendRaw({ eventType: 'svix.ping' })).toMatchObject({
    status: 400,
    body: { code: 'endpoint_disabled' },
  });
  expect((await client.message.list(application)).data).toEqual([]);
});
