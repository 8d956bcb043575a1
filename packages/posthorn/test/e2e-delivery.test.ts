// The main job through the real process: the official client registers and sends, independent verifiers check.
import { createPublicKey, verify as nodeVerify } from 'node:crypto';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from './support/database.ts';
import {
  endAllPosthorn,
  type PosthornProcess,
  startPosthorn,
  testToken,
} from './support/posthorn-process.ts';
import { type Recorder, type RecordedRequest, startRecorder } from './support/recorder.ts';
import { waitFor } from './support/wait.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let posthorn: PosthornProcess;
let receiver: Recorder;
let application: string;
let count = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  posthorn = await startPosthorn(database.url);
});
beforeEach(async () => {
  receiver = await startRecorder();
  count += 1;
  application = `acme-${count}`;
  await posthorn.client.application.create({ name: 'Acme', uid: application });
});
afterEach(() => receiver.stop());
afterAll(async () => {
  await endAllPosthorn();
  await database.drop();
});

const flatHeaders = (request: RecordedRequest) =>
  Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));

const arrived = (many = 1) =>
  waitFor(() => receiver.requests.length >= many && receiver.requests, { what: `${many} deliveries` });

async function secretOf(endpointId: string): Promise<string> {
  return (await posthorn.client.endpoint.getSecret(application, endpointId)).key;
}

async function post(path: string, body: unknown): Promise<Response> {
  return fetch(`${posthorn.url}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

async function deliveryStatus(messageId: string): Promise<string | undefined> {
  const { data } = await posthorn.client.messageAttempt.listAttemptedDestinations(application, messageId);
  return data[0]?.statusText;
}

test('a message made with the official client arrives and is verified by standardwebhooks and svix', async () => {
  const { client } = posthorn;
  await client.eventType.create({ name: `user.created.${count}`, description: 'A user signed up' });
  const endpoint = await client.endpoint.create(application, { url: receiver.url });
  const message = await client.message.create(application, {
    eventType: `user.created.${count}`,
    payload: { id: 7 },
  });
  const [request] = await arrived();
  expect(request!.headers['webhook-id']).toBe(message.id);
  const secret = await secretOf(endpoint.id);
  const body = request!.body.toString();
  expect(new StandardWebhook(secret).verify(body, flatHeaders(request!))).toEqual({ id: 7 });
  expect(() => new SvixWebhook(secret).verify(body, flatHeaders(request!))).not.toThrow();
  expect(() => new SvixWebhook(secret).verify(`${body} `, flatHeaders(request!))).toThrow();
  expect(Object.values(request!.headersDistinct).every((values) => values?.length === 1)).toBe(true);
  expect(request!.headers['svix-id']).toBeUndefined();
  await waitFor(async () => (await deliveryStatus(message.id)) === 'success', { what: 'status success' });
  const { data: attempts } = await client.messageAttempt.listByEndpoint(application, endpoint.id);
  expect(attempts).toMatchObject([
    { msgId: message.id, responseStatusCode: 200, status: 0, url: receiver.url },
  ]);
});

test('the delivered bytes are the accepted bytes, whatever JSON they are', async () => {
  const endpoint = await posthorn.client.endpoint.create(application, { url: receiver.url });
  const payload =
    '{ "n":1e400, "big": 12345678901234567890,\n"a":1,"a":2, "u":"\u2028 \\/ \\u0041 ü 😀","e":{} }';
  const response = await post(`/app/${application}/msg`, `{"eventType":"x.y", "payload":${payload}}`);
  expect(response.status).toBe(202);
  const [request] = await arrived();
  expect(request!.body.toString()).toBe(payload);
  const secret = await secretOf(endpoint.id);
  expect(() => new SvixWebhook(secret).verify(request!.body.toString(), flatHeaders(request!))).not.toThrow();
});

test('an endpoint asks for svix headers, or for both families', async () => {
  const created = await post(`/app/${application}/endpoint`, { url: receiver.url, signatureStyle: 'svix' });
  const endpoint = (await created.json()) as { id: string };
  await posthorn.client.message.create(application, { eventType: 'x', payload: { n: 1 } });
  const [first] = await arrived();
  expect(first!.headers['svix-signature']).toMatch(/^v1,/);
  expect(first!.headers['webhook-id']).toBeUndefined();
  const secret = await secretOf(endpoint.id);
  expect(() => new SvixWebhook(secret).verify(first!.body.toString(), flatHeaders(first!))).not.toThrow();
});

test('an Ed25519 endpoint is signed with v1a, and node:crypto agrees', async () => {
  const { generateEd25519Secret } = await import('@posthorn/webhooks');
  const endpoint = await posthorn.client.endpoint.create(application, {
    url: receiver.url,
    secret: await generateEd25519Secret(),
  });
  await posthorn.client.message.create(application, { eventType: 'x', payload: { n: 1 } });
  const [request] = await arrived();
  const publicKey = await secretOf(endpoint.id);
  expect(publicKey).toMatch(/^whpk_/);
  const [version, signature] = String(request!.headers['webhook-signature']).split(',');
  expect(version).toBe('v1a');
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey.slice(5), 'base64').toString('base64url') },
    format: 'jwk',
  });
  const { 'webhook-id': id, 'webhook-timestamp': timestamp } = request!.headers;
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), request!.body]);
  expect(nodeVerify(null, signed, key, Buffer.from(signature!, 'base64'))).toBe(true);
});

test('while a secret is rotated both signatures are sent, the new one first', async () => {
  const { client } = posthorn;
  const endpoint = await client.endpoint.create(application, { url: receiver.url });
  const old = await secretOf(endpoint.id);
  await client.endpoint.rotateSecret(application, endpoint.id, { gracePeriodSeconds: 3600 });
  const current = await secretOf(endpoint.id);
  expect(current).not.toBe(old);
  await client.message.create(application, { eventType: 'x', payload: { n: 1 } });
  const [request] = await arrived();
  for (const secret of [old, current]) {
    expect(() =>
      new StandardWebhook(secret).verify(request!.body.toString(), flatHeaders(request!)),
    ).not.toThrow();
  }
  const [first] = String(request!.headers['webhook-signature']).split(' ');
  const onlyFirst = { ...flatHeaders(request!), 'webhook-signature': first! };
  expect(() => new StandardWebhook(current).verify(request!.body.toString(), onlyFirst)).not.toThrow();
});

test('a rotation without grace ends the old secret at once', async () => {
  const { client } = posthorn;
  const endpoint = await client.endpoint.create(application, { url: receiver.url });
  const old = await secretOf(endpoint.id);
  await client.endpoint.rotateSecret(application, endpoint.id, { gracePeriodSeconds: 0 });
  await client.message.create(application, { eventType: 'x', payload: { n: 2 } });
  const [last] = await arrived();
  expect(() => new StandardWebhook(old).verify(last!.body.toString(), flatHeaders(last!))).toThrow();
});

test('only the endpoints that asked for the event type or channel get the message', async () => {
  const { client } = posthorn;
  const other = await startRecorder();
  await client.endpoint.create(application, { url: receiver.url, eventTypes: ['invoice.paid'] });
  await client.endpoint.create(application, { url: other.url, channels: ['north'] });
  await client.message.create(application, { eventType: 'invoice.paid', payload: { n: 1 } });
  await client.message.create(application, {
    eventType: 'user.created',
    payload: { n: 2 },
    channels: ['north'],
  });
  await arrived();
  await waitFor(() => other.requests.length >= 1, { what: 'the message of the channel' });
  expect(receiver.requests.map(({ body }) => body.toString())).toEqual(['{"n":1}']);
  expect(other.requests.map(({ body }) => body.toString())).toEqual(['{"n":2}']);
  await other.stop();
});

test('custom headers of the endpoint are sent, and are sealed in the database', async () => {
  const { client } = posthorn;
  const endpoint = await client.endpoint.create(application, { url: receiver.url });
  await client.endpoint.patchHeaders(application, endpoint.id, { headers: { 'X-Key': 'hunter2' } });
  await client.message.create(application, { eventType: 'x', payload: {} });
  const [request] = await arrived();
  expect(request!.headers['x-key']).toBe('hunter2');
});

test('a failing endpoint is retried on schedule with the same id and a fresh timestamp, until it accepts', async () => {
  const endpoint = await posthorn.client.endpoint.create(application, { url: receiver.url });
  receiver.answer = (_, n) => (n < 3 ? { status: 500, body: 'no' } : { status: 204 });
  const message = await posthorn.client.message.create(application, { eventType: 'x', payload: { n: 1 } });
  const requests = await arrived(3);
  expect(new Set(requests.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([message.id]));
  for (const [index, request] of requests.entries()) {
    const timestamp = Number(request.headers['webhook-timestamp']);
    expect(Math.abs(timestamp - request.atMs / 1000)).toBeLessThan(60);
    const before = requests[index - 1];
    if (before === undefined) continue;
    expect(timestamp).toBeGreaterThan(Number(before.headers['webhook-timestamp']));
    expect(request.atMs - before.atMs).toBeGreaterThanOrEqual(1000);
  }
  await waitFor(async () => (await deliveryStatus(message.id)) === 'success', { what: 'status success' });
  const { data } = await posthorn.client.messageAttempt.listByMsg(application, message.id, {
    withContent: true,
  });
  expect(data.map(({ responseStatusCode }) => responseStatusCode)).toEqual([204, 500, 500]);
  expect(data[1]!.response).toBe('no');
  expect(data[0]!.endpointId).toBe(endpoint.id);
});

test('an endpoint that never accepts ends exhausted in plain sight, and a resend reaches it when it is mended', async () => {
  const { client } = posthorn;
  const second = await startPosthorn(database.url, { POSTHORN_RETRY_SCHEDULE: '0,0' });
  const endpoint = await client.endpoint.create(application, { url: receiver.url });
  receiver.answer = () => ({ status: 503 });
  const message = await second.client.message.create(application, { eventType: 'x', payload: { n: 1 } });
  await waitFor(async () => (await deliveryStatus(message.id)) === 'fail', {
    what: 'status fail',
  });
  expect(await second.end('SIGTERM')).toBe(0);
  const before = receiver.requests.length;
  receiver.answer = () => ({ status: 200 });
  await client.messageAttempt.resend(application, message.id, endpoint.id);
  await waitFor(async () => (await deliveryStatus(message.id)) === 'success', { what: 'status success' });
  expect(receiver.requests.length).toBe(before + 1);
  const { data } = await client.messageAttempt.listByMsg(application, message.id);
  expect(data[0]).toMatchObject({ triggerType: 1, status: 0 });
});

test('410 disables the endpoint: nothing more is sent to it', async () => {
  const { client } = posthorn;
  const endpoint = await client.endpoint.create(application, { url: receiver.url });
  receiver.answer = () => ({ status: 410 });
  await client.message.create(application, { eventType: 'x', payload: { n: 1 } });
  await waitFor(async () => (await client.endpoint.get(application, endpoint.id)).disabled, {
    what: 'disabled',
  });
  const message = await client.message.create(application, { eventType: 'x', payload: { n: 2 } });
  const { data } = await client.messageAttempt.listAttemptedDestinations(application, message.id);
  expect(data).toEqual([]);
  expect(receiver.requests.length).toBe(1);
});

test('Retry-After delays the next attempt', async () => {
  await posthorn.client.endpoint.create(application, { url: receiver.url });
  receiver.answer = (_, n) => (n === 1 ? { status: 429, headers: { 'retry-after': '3' } } : { status: 200 });
  await posthorn.client.message.create(application, { eventType: 'x', payload: { n: 1 } });
  const [first, second] = await arrived(2);
  expect(second!.atMs - first!.atMs).toBeGreaterThanOrEqual(3000);
});

test('redirects are not followed', async () => {
  const canary = await startRecorder();
  await posthorn.client.endpoint.create(application, { url: receiver.url });
  receiver.answer = () => ({ status: 302, headers: { location: canary.url } });
  const message = await posthorn.client.message.create(application, { eventType: 'x', payload: { n: 1 } });
  await arrived(2);
  expect(canary.requests).toEqual([]);
  const { data } = await posthorn.client.messageAttempt.listByMsg(application, message.id);
  expect(data.at(-1)).toMatchObject({ responseStatusCode: 302, status: 2 });
  await canary.stop();
});

test('an endpoint that has only failed for five days is disabled', async () => {
  const { client } = posthorn;
  const endpoint = await client.endpoint.create(application, { url: receiver.url });
  receiver.answer = () => ({ status: 500 });
  await client.message.create(application, { eventType: 'x', payload: { n: 1 } });
  await arrived(1);
  const { default: pg } = await import('pg');
  const sql = new pg.Client({ connectionString: database.url });
  await sql.connect();
  const aged = () =>
    sql.query(
      "update posthorn.endpoint_failing set since = now() - interval '5 days 1 minute' where endpoint_id = $1",
      [endpoint.id],
    );
  await waitFor(async () => (await aged()).rowCount === 1, { what: 'a failure on record' });
  await waitFor(async () => (await client.endpoint.get(application, endpoint.id)).disabled, {
    what: 'disabled',
  });
  const { rows } = await sql.query('select disabled_reason from posthorn.endpoint where id = $1', [
    endpoint.id,
  ]);
  expect(rows).toEqual([{ disabled_reason: 'failing' }]);
  await sql.end();
});

test('a disabled endpoint cancels what still waits for it', async () => {
  const { client } = posthorn;
  const endpoint = await client.endpoint.create(application, { url: receiver.url });
  receiver.answer = () => ({ status: 500 });
  const message = await client.message.create(application, { eventType: 'x', payload: { n: 1 } });
  await arrived(1);
  await client.endpoint.patch(application, endpoint.id, { disabled: true });
  await waitFor(async () => (await deliveryStatus(message.id)) === 'canceled', { what: 'status canceled' });
});

test('the same idempotency key delivers once; another payload under it is refused', async () => {
  await posthorn.client.endpoint.create(application, { url: receiver.url });
  const send = (n: number) =>
    fetch(`${posthorn.url}/api/v1/app/${application}/msg`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${testToken}`,
        'content-type': 'application/json',
        'idempotency-key': 'order-1',
      },
      body: JSON.stringify({ eventType: 'x', payload: { n } }),
    });
  const answers = await Promise.all(Array.from({ length: 20 }, () => send(1)));
  const ids = await Promise.all(answers.map(async (answer) => ((await answer.json()) as { id: string }).id));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  expect(new Set(ids).size).toBe(1);
  expect((await send(2)).status).toBe(422);
  await posthorn.client.message.create(application, { eventType: 'x', payload: { last: true } });
  await arrived(2);
  expect(receiver.requests.map(({ body }) => body.toString()).sort()).toEqual(['{"last":true}', '{"n":1}']);
});

test('a uid that has moved on to another application leads to that one, also from memory', async () => {
  const { client } = posthorn;
  const other = await startRecorder();
  await client.endpoint.create(application, { url: receiver.url });
  await client.message.create(application, { eventType: 'x', payload: { n: 1 } });
  await client.application.patch(application, { uid: `${application}-renamed` });
  await client.message.create(`${application}-renamed`, { eventType: 'x', payload: { n: 2 } });
  await client.application.create({ name: 'Another', uid: application });
  await client.endpoint.create(application, { url: other.url });
  await client.message.create(application, { eventType: 'x', payload: { n: 3 } });
  await waitFor(() => other.requests.length === 1, { what: 'the message of the new application' });
  await arrived(2);
  expect(receiver.requests.map(({ body }) => body.toString()).sort()).toEqual(['{"n":1}', '{"n":2}']);
  await other.stop();
});

test('an application that is changed all the time still accepts messages', async () => {
  const { client } = posthorn;
  const endpoint = await client.endpoint.create(application, { url: receiver.url });
  let changing = true;
  const change = async () => {
    for (let n = 0; changing; n += 1) {
      await client.endpoint.patch(application, endpoint.id, { description: `change ${n}` });
    }
  };
  const changes = [change(), change(), change()];
  for (let n = 0; n < 40; n += 1)
    await client.message.create(application, { eventType: 'x', payload: { n } });
  changing = false;
  await Promise.all(changes);
  await arrived(40);
});
