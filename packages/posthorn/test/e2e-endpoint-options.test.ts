// What an endpoint wants of its deliveries, seen by its receiver: a real process, real HTTP and TLS, others' verifiers.
import { createPublicKey, verify as nodeVerify } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { generateEd25519Secret } from '@posthorn/webhooks';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from './support/database.ts';
import {
  type Certificates,
  hasOpenssl,
  makeCertificates,
  startHostileReceiver,
} from './support/hostile-receiver.ts';
import {
  endAllPosthorn,
  type PosthornProcess,
  startPosthorn,
  testToken,
} from './support/posthorn-process.ts';
import { type RecordedRequest, type Recorder, startRecorder } from './support/recorder.ts';
import { waitFor } from './support/wait.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let posthorn: PosthornProcess;
let certificates: Certificates | undefined;
let folder: string;
let receiver: Recorder;
let application: string;
let count = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'posthorn-options-'));
  certificates = hasOpenssl() ? await makeCertificates() : undefined;
  await writeFile(join(folder, 'ca.pem'), certificates?.ca ?? '');
  const authority = certificates ? { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') } : {};
  posthorn = await startPosthorn(database.url, { POSTHORN_RETRY_SCHEDULE: '0,600', ...authority });
});
afterAll(async () => {
  await endAllPosthorn();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});
const cleanups: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  receiver = await startReceiver();
  count += 1;
  application = `acme-${count}`;
  await posthorn.client.application.create({ name: 'Acme', uid: application });
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function startReceiver(): Promise<Recorder> {
  const recorder = await startRecorder();
  cleanups.push(recorder.stop);
  return recorder;
}

async function call(method: string, path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${posthorn.url}/api/v1/app/${application}${path}`, {
    method,
    headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  expect(response.ok, text).toBe(true);
  return JSON.parse(text) as Record<string, unknown>;
}

async function makeEndpoint(options: object): Promise<string> {
  return String((await call('POST', '/endpoint', { url: receiver.url, ...options })).id);
}

const send = (n = 1) => posthorn.client.message.create(application, { eventType: 'x.y', payload: { n } });
const arrived = (many: number, at = receiver) =>
  waitFor(() => at.requests.length >= many && at.requests, { what: `${many} requests` });
const flat = ({ headers }: RecordedRequest) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

/** The attempts at the endpoint, the last one first, as soon as there are `many`. */
function attempts(endpointId: string, many: number) {
  return waitFor(
    async () => {
      const response = await fetch(
        `${posthorn.url}/api/v1/app/${application}/attempt/endpoint/${endpointId}`,
        {
          headers: { authorization: `Bearer ${testToken}` },
        },
      );
      const { data } = (await response.json()) as { data: Record<string, unknown>[] };
      return data.length >= many && data;
    },
    { what: `${many} attempts` },
  );
}

async function statusOf(messageId: string): Promise<string | undefined> {
  const { data } = await posthorn.client.messageAttempt.listAttemptedDestinations(application, messageId);
  return data[0]?.statusText;
}

describe('what a receiver echoes', () => {
  const echo = (request: RecordedRequest) => ({
    status: 500,
    headers: { 'x-seen': flat(request)['x-api-key'] ?? '' },
    body: JSON.stringify(flat(request)),
  });

  test.each([
    [
      'kind http',
      () => ({ url: receiver.url, headers: { 'x-api-key': 'KEYKEYKEY', 'x-team': 'blue-team' } }),
    ],
    ['kind api', () => ({ kind: 'api', config: { url: receiver.url, headers: { 'x-team': 'blue-team' } } })],
  ])('is recorded without what the endpoint authenticates with: %s', async (_kind, target) => {
    receiver.answer = echo;
    const auth = { type: 'basic', username: 'ada', password: 'PASSWORD' };
    const id = String((await call('POST', '/endpoint', { ...target(), auth })).id);
    await send();
    const [request] = await arrived(1);
    expect(flat(request!).authorization).toBe(`Basic ${Buffer.from('ada:PASSWORD').toString('base64')}`);
    const [attempt] = await attempts(id, 1);
    expect(attempt).toMatchObject({ responseStatusCode: 500, response: expect.stringContaining('***') });
    expect(JSON.stringify(attempt)).not.toMatch(/KEYKEYKEY|PASSWORD|YWRhOlBBU1NXT1JE/);
  });
});

describe('retrySchedule', () => {
  test('replaces the schedule of the server, and ends with its list', async () => {
    receiver.answer = () => ({ status: 500 });
    await makeEndpoint({ retrySchedule: [1, 1] });
    const { id } = await send();
    const requests = await arrived(3);
    await waitFor(async () => (await statusOf(id)) === 'fail', { what: 'the end' });
    expect(requests).toHaveLength(3);
    expect(requests[1]!.atMs - requests[0]!.atMs).toBeGreaterThan(950);
    expect(requests[2]!.atMs - requests[1]!.atMs).toBeGreaterThan(950);
  });

  test('of nothing is one attempt', async () => {
    receiver.answer = () => ({ status: 500 });
    await makeEndpoint({ retrySchedule: [] });
    const { id } = await send();
    await waitFor(async () => (await statusOf(id)) === 'fail', { what: 'the end' });
    expect(receiver.requests).toHaveLength(1);
  });

  test('holds for an endpoint with an order, and those behind wait for it', async () => {
    receiver.answer = (_request, nth) => ({ status: nth <= 2 ? 500 : 200 });
    await makeEndpoint({ retrySchedule: [1], ordering: { mode: 'fifo' } });
    const { id } = await send(1);
    await send(2);
    const requests = await arrived(3);
    expect(requests.map(({ body }) => body.toString())).toEqual(['{"n":1}', '{"n":1}', '{"n":2}']);
    expect(await statusOf(id)).toBe('fail');
  });
});

test('timeoutSeconds ends an attempt of its endpoint and of no other', async () => {
  receiver.answer = () => ({ status: 200, delayMs: 2_500 });
  const hurried = await makeEndpoint({ timeoutSeconds: 1 });
  const patient = await makeEndpoint({});
  await send();
  expect((await attempts(hurried, 1))[0]).toMatchObject({ outcome: 'unreachable', reason: 'timeout' });
  expect((await attempts(patient, 1))[0]).toMatchObject({ outcome: 'accepted' });
});

describe('the signature', () => {
  const names = { id: 'X-Acme-Id', timestamp: 'X-Acme-Time', signature: 'X-Acme-Signature' };
  const renamed = ({ headers }: RecordedRequest) => ({
    'webhook-id': String(headers['x-acme-id']),
    'webhook-timestamp': String(headers['x-acme-time']),
    'webhook-signature': String(headers['x-acme-signature']),
  });
  const families = ({ headers }: RecordedRequest) =>
    ['webhook-signature', 'svix-signature', 'x-acme-signature'].filter((name) => headers[name] !== undefined);

  const styles: [string, object, string[]][] = [
    ['standard', {}, ['webhook-signature']],
    ['svix', { signatureStyle: 'svix' }, ['svix-signature']],
    ['both', { signatureStyle: 'both' }, ['webhook-signature', 'svix-signature']],
    ['custom', { signatureStyle: 'custom', signatureHeaders: names }, ['x-acme-signature']],
    [
      'both, and names of its own beside',
      { signatureStyle: 'both', signatureHeaders: names },
      ['webhook-signature', 'svix-signature', 'x-acme-signature'],
    ],
  ];
  test.each(styles)(
    'in the style %s is verified by the libraries of receivers',
    async (_name, options, seen) => {
      const endpoint = await makeEndpoint(options);
      const message = await send();
      const [request] = await arrived(1);
      const { key } = await posthorn.client.endpoint.getSecret(application, endpoint);
      const body = request!.body.toString();
      expect(families(request!)).toEqual(seen);
      expect(Object.values(request!.headersDistinct).every((values) => values?.length === 1)).toBe(true);
      if (seen.includes('webhook-signature')) {
        expect(new StandardWebhook(key).verify(body, flat(request!))).toEqual({ n: 1 });
        expect(() => new SvixWebhook(key).verify(body, flat(request!))).not.toThrow();
      }
      if (seen.includes('svix-signature')) {
        const { 'svix-id': id, 'svix-timestamp': time, 'svix-signature': signature } = flat(request!);
        const only = { 'svix-id': id!, 'svix-timestamp': time!, 'svix-signature': signature! };
        expect(() => new SvixWebhook(key).verify(body, only)).not.toThrow();
        expect(() => new SvixWebhook(key).verify(`${body} `, only)).toThrow();
      }
      if (seen.includes('x-acme-signature')) {
        expect(request!.headers['x-acme-id']).toBe(message.id);
        expect(new StandardWebhook(key).verify(body, renamed(request!))).toEqual({ n: 1 });
        expect(() => new StandardWebhook(key).verify(`${body} `, renamed(request!))).toThrow();
      }
    },
  );

  test('by an Ed25519 key under names of its own is what node:crypto verifies', async () => {
    const secret = await generateEd25519Secret();
    const endpoint = await makeEndpoint({ secret, signatureStyle: 'custom', signatureHeaders: names });
    await send();
    const [request] = await arrived(1);
    const { key: publicKey } = await posthorn.client.endpoint.getSecret(application, endpoint);
    const x = Buffer.from(publicKey.slice('whpk_'.length), 'base64').toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const { 'x-acme-id': id, 'x-acme-time': time, 'x-acme-signature': header } = request!.headers;
    const [version, signature] = String(header).split(',');
    expect(version).toBe('v1a');
    const signed = Buffer.concat([Buffer.from(`${String(id)}.${String(time)}.`), request!.body]);
    expect(nodeVerify(null, signed, key, Buffer.from(signature!, 'base64'))).toBe(true);
    expect(nodeVerify(null, Buffer.concat([signed, signed]), key, Buffer.from(signature!, 'base64'))).toBe(
      false,
    );
  });
});

test('a custom header replaces a default one of ours, whatever its case', async () => {
  await makeEndpoint({ headers: { Accept: 'application/json' } });
  await send();
  const [request] = await arrived(1);
  expect(request!.headersDistinct.accept).toEqual(['application/json']);
});

describe('auth', () => {
  const token = (text: string) => ({
    status: 200,
    body: JSON.stringify({ access_token: text, token_type: 'bearer', expires_in: 3_600 }),
  });
  const oauth2 = (tokenUrl: string) => ({
    type: 'oauth2',
    tokenUrl,
    clientId: 'me',
    clientSecret: 'hunter2',
  });

  test('by name and password reaches its own endpoint, and no other at the same origin', async () => {
    const plain = await startReceiver();
    await makeEndpoint({ auth: { type: 'basic', username: 'jane', password: 'hunter:2 ü' } });
    await makeEndpoint({ url: `http://127.0.0.1:${receiver.port}/none` });
    await makeEndpoint({ url: plain.url });
    await send();
    const requests = await arrived(2);
    await arrived(1, plain);
    const seen = new Map(requests.map(({ path, headers }) => [path, headers.authorization]));
    expect(seen.get('/hook')).toBe(`Basic ${Buffer.from('jane:hunter:2 ü').toString('base64')}`);
    expect(seen.get('/none')).toBeUndefined();
    expect(plain.requests[0]!.headers.authorization).toBeUndefined();
  });

  test('by token asks the token server once, and again after a change or a 401', async () => {
    const tokenServer = await startReceiver();
    const other = await startReceiver();
    tokenServer.answer = (_request, nth) => token(`token-${nth}`);
    const endpoint = await makeEndpoint({ auth: oauth2(tokenServer.url) });
    await makeEndpoint({ url: other.url });
    await send();
    await arrived(1);
    await call('PATCH', `/endpoint/${endpoint}`, { description: 'a change of something else' });
    await send();
    await arrived(2);
    receiver.answer = ({ headers }) => ({ status: headers.authorization === 'Bearer token-1' ? 401 : 200 });
    const { id } = await send();
    const requests = await arrived(4);
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-1',
      'Bearer token-1',
      'Bearer token-2',
    ]);
    await waitFor(async () => (await statusOf(id)) === 'success', { what: 'success' });
    expect(await attempts(endpoint, 3)).toHaveLength(3);
    await call('PATCH', `/endpoint/${endpoint}`, {
      auth: { ...oauth2(tokenServer.url), clientSecret: 'new' },
    });
    await waitFor(
      async () => {
        await send();
        return tokenServer.requests.length === 3;
      },
      { what: 'a token for the new secret' },
    );
    await arrived(4, other);
    expect(other.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    expect(posthorn.log()).not.toMatch(/hunter|token-\d/);
  });

  test('by token that cannot be had is an attempt that says why, and is tried again', async () => {
    const tokenServer = await startReceiver();
    tokenServer.answer = (_request, nth) =>
      nth === 1 ? { status: 401, body: '{"error":"invalid_client"}' } : token('late');
    const endpoint = await makeEndpoint({ auth: oauth2(tokenServer.url), retrySchedule: [1] });
    await send();
    await arrived(1);
    const [, first] = await attempts(endpoint, 2);
    expect(first).toMatchObject({ outcome: 'unreachable', reason: 'auth', responseStatusCode: 0 });
    expect(first!.detail).toContain('the token server answered 401: invalid_client');
    expect(receiver.requests[0]!.headers.authorization).toBe('Bearer late');
  });

  test('by certificate shows each endpoint its own, at one origin', async (context) => {
    if (!certificates) return context.skip('openssl is not there');
    const { ca, good, clients } = certificates;
    const seen: string[] = [];
    const secured = await startHostileReceiver(
      {
        onRequest: (socket, request) => {
          const { subject } = (socket as TLSSocket).getPeerCertificate();
          const path = request.toString('latin1').split(' ', 2)[1];
          seen.push(`${path} ${subject?.CN ?? 'nobody'}`);
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        },
      },
      { tls: { ...good, ca, requestCert: true, rejectUnauthorized: false } },
    );
    cleanups.push(() => secured.close());
    const url = (path: string) => `https://127.0.0.1:${secured.port}/${path}`;
    const auth = (index: 0 | 1) => ({
      type: 'mtls',
      certificate: clients[index].cert,
      key: clients[index].key,
    });
    await makeEndpoint({ url: url('a'), auth: auth(0) });
    await makeEndpoint({ url: url('b'), auth: auth(1) });
    await makeEndpoint({ url: url('none') });
    for (let n = 1; n <= 3; n += 1) {
      await send(n);
      await waitFor(() => seen.length === n * 3, { what: `${n * 3} requests` });
    }
    expect(new Set(seen)).toEqual(new Set(['/a caller-a', '/b caller-b', '/none nobody']));
  });
});
