// A provider's request from the door to the endpoints of its source: a real process, real signatures, real deliveries.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { verify } from '@posthorn/webhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from './support/database.ts';
import type { TestDatabase } from './support/database.ts';
import { gatewayClient, githubSecret } from './support/gateway.ts';
import type { GatewayClient, Source } from './support/gateway.ts';
import { endAllPosthorn, startPosthorn } from './support/posthorn-process.ts';
import type { PosthornProcess } from './support/posthorn-process.ts';
import { startRecorder } from './support/recorder.ts';
import type { Recorder } from './support/recorder.ts';
import { waitFor } from './support/wait.ts';

let database: TestDatabase;
let posthorn: PosthornProcess;
let gateway: GatewayClient;
let receiver: Recorder;

beforeAll(async () => {
  database = await createTestDatabase();
  posthorn = await startPosthorn(database.url);
  gateway = gatewayClient(posthorn);
});
beforeEach(async () => {
  receiver = await startRecorder();
});
afterEach(() => receiver.stop());
afterAll(async () => {
  await endAllPosthorn();
  await database.drop();
});

const arrived = (many = 1) =>
  waitFor(() => receiver.requests.length >= many && receiver.requests, { what: `${many} deliveries` });

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');

async function sourceWithEndpoint(fields: Record<string, unknown> = {}): Promise<Source> {
  const source = await gateway.source(fields);
  await gateway.endpoint(source, { url: receiver.url });
  return source;
}

describe('a verified request', () => {
  test('is answered, stored, and delivered byte for byte to the endpoints of its source', async () => {
    const source = await gateway.source();
    const { id: endpointId } = await gateway.endpoint(source, { url: receiver.url });
    const body = '{ "ref":"refs/heads/main",\n"big": 12345678901234567890, "n":1e400 }';
    const delivery = randomUUID();
    const answer = await gateway.push(source, { body, delivery });
    expect(answer.status).toBe(204);
    const [delivered] = await arrived();
    expect(delivered!.body.toString()).toBe(body);
    const secret = await gateway.api(
      'GET',
      `/ingest/api/v1/source/${source.id}/endpoint/${endpointId}/secret`,
    );
    const verdict = await verify({
      headers: delivered!.headers,
      body: delivered!.body,
      secrets: String(secret.body.key),
    });
    expect(verdict).toMatchObject({ ok: true });
    const [message] = await gateway.messages(source);
    expect(message).toMatchObject({ eventType: 'push', eventId: delivery, payload: JSON.parse(body) });
    expect(delivered!.headers['webhook-id']).toBe(message!.id);
    const [stored] = await gateway.requests(source);
    expect(stored).toMatchObject({
      verdict: 'accepted',
      reason: null,
      method: 'POST',
      bodyBytes: body.length,
      deliveryId: delivery,
      messageIds: [message!.id],
      duplicates: 0,
    });
    const whole = await gateway.api('GET', `/ingest/api/v1/source/${source.id}/request/${stored!.id}`);
    expect(whole.body).toMatchObject({
      body,
      bodyEncoding: 'utf8',
      headers: { 'x-github-event': ['push'], 'x-github-delivery': [delivery] },
    });
    expect(whole.text).not.toContain(githubSecret);
  });

  test('goes where the event type, the filter and the transformation of an endpoint say', async () => {
    const source = await gateway.source();
    const to = (path: string) => receiver.url.replace('/hook', path);
    await gateway.endpoint(source, { url: to('/pushes'), eventTypes: ['push'] });
    await gateway.endpoint(source, { url: to('/main'), filter: 'payload.ref == "refs/heads/main"' });
    const changed = await gateway.endpoint(source, { url: to('/changed'), eventTypes: ['issues.opened'] });
    const path = `/ingest/api/v1/source/${source.id}/endpoint/${changed.id}/transformation`;
    const code =
      'function handler(webhook) { webhook.payload = { seen: webhook.payload.number }; return webhook; }';
    expect((await gateway.api('PATCH', path, { code, enabled: true })).status).toBe(204);
    await gateway.push(source, { body: '{"ref":"refs/heads/other"}' });
    await gateway.push(source, { body: '{"ref":"refs/heads/main"}' });
    await gateway.push(source, {
      body: '{"action":"opened","number":7}',
      headers: { 'x-github-event': 'issues' },
    });
    await arrived(4);
    const seen = receiver.requests.map(({ path: at, body }) => `${at} ${body.toString()}`).sort();
    expect(seen).toEqual([
      '/changed {"seen":7}',
      '/main {"ref":"refs/heads/main"}',
      '/pushes {"ref":"refs/heads/main"}',
      '/pushes {"ref":"refs/heads/other"}',
    ]);
  });

  test('that comes again is answered alike, has one effect, and is counted', async () => {
    const source = await sourceWithEndpoint();
    const delivery = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.push(source, { delivery })));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 204));
    await arrived();
    expect(await gateway.messages(source)).toHaveLength(1);
    expect(await gateway.requests(source)).toMatchObject([{ verdict: 'accepted', duplicates: 19 }]);
    expect(receiver.requests).toHaveLength(1);
  });

  test('with the id of another and another body is answered, set aside, and can be had all the same', async () => {
    const source = await sourceWithEndpoint();
    const delivery = randomUUID();
    await gateway.push(source, { delivery, body: '{"n":1}' });
    expect((await gateway.push(source, { delivery, body: '{"n":2}' })).status).toBe(204);
    expect(await gateway.messages(source)).toHaveLength(1);
    const [altered, first] = await gateway.requests(source);
    expect(altered).toMatchObject({ verdict: 'altered', reason: 'altered', messageIds: [] });
    expect(first).toMatchObject({ verdict: 'accepted', duplicates: 1 });
    const path = `/ingest/api/v1/source/${source.id}/request/${altered!.id}/replay`;
    const replayed = await gateway.api('POST', path);
    expect(replayed.body).toMatchObject({ verdict: 'accepted' });
    await arrived(2);
    expect(receiver.requests.map(({ body }) => body.toString()).sort()).toEqual(['{"n":1}', '{"n":2}']);
    expect((await gateway.api('POST', path)).status).toBe(409);
  });
});

describe('a request that is refused', () => {
  test('is answered 401 without a reason, and kept with it', async () => {
    const source = await sourceWithEndpoint();
    const answer = await gateway.push(source, { secret: 'a wrong secret' });
    expect(answer.status).toBe(401);
    expect(await answer.text()).toBe('');
    const [kept] = await gateway.requests(source, 'rejected');
    expect(kept).toMatchObject({ verdict: 'rejected', reason: 'mismatch', messageIds: [] });
    expect(kept).toMatchObject({ cause: 'unexplained', advice: expect.stringContaining('copy it again') });
    expect(await gateway.messages(source)).toEqual([]);
  });

  test('is taken in once its source is mended', async () => {
    const source = await sourceWithEndpoint({ config: { secret: 'not this one' } });
    expect((await gateway.push(source)).status).toBe(401);
    const [kept] = await gateway.requests(source);
    const path = `/ingest/api/v1/source/${source.id}`;
    const replay = () => gateway.api('POST', `${path}/request/${kept!.id}/replay`);
    expect((await replay()).body).toMatchObject({ verdict: 'rejected', reason: 'mismatch' });
    expect((await gateway.api('PATCH', path, { config: { secret: githubSecret } })).status).toBe(200);
    expect((await gateway.push(source)).status).toBe(204);
    const replayed = await replay();
    expect(replayed.body).toMatchObject({ verdict: 'accepted', messageIds: [expect.any(String)] });
    await arrived(2);
    const rows = await gateway.requests(source);
    expect(rows.map(({ verdict }) => verdict)).toEqual(['accepted', 'accepted']);
    expect(rows.find(({ id }) => id === kept!.id)).toMatchObject({ replayedAt: expect.any(String) });
  });

  test('because it is old is taken in by a replay, which asks how old it was when it came', async () => {
    const source = await sourceWithEndpoint({ type: 'stripe', config: { secret: 'whsec_right' } });
    const path = `/ingest/api/v1/source/${source.id}`;
    const sent = { secret: 'whsec_right', body: '{"id":"evt_1","type":"invoice.paid"}' };
    const old = { ...sent, nowMs: Date.now() - 3_600_000 };
    expect((await gateway.send(source, 'stripe', old)).status).toBe(401);
    const [kept] = await gateway.requests(source);
    expect(kept).toMatchObject({ reason: 'stale' });
    const replay = () => gateway.api('POST', `${path}/request/${kept!.id}/replay`);
    expect((await replay()).body).toMatchObject({ verdict: 'rejected', reason: 'stale' });
    await gateway.api('PATCH', path, { toleranceSeconds: 7_200 });
    expect((await replay()).body).toMatchObject({ verdict: 'accepted' });
    await arrived();
  });

  test('says what is most likely wrong, and what to do', async () => {
    const source = await sourceWithEndpoint({ config: { secret: `${githubSecret}\n` } });
    expect((await gateway.push(source)).status).toBe(401);
    const [kept] = await gateway.requests(source);
    expect(kept).toMatchObject({ reason: 'mismatch', cause: expect.stringMatching(/^secret-/) });
    expect(JSON.stringify(kept)).not.toContain(githubSecret);
  });

  test('with a credential in it is verified with that when it is had again, and shows it to nobody', async () => {
    const source = await sourceWithEndpoint({ type: 'gitlab', config: { secret: 'not this one' } });
    const headers = {
      'x-gitlab-token': 'glpt-4f7a1c',
      'x-gitlab-event': 'Push Hook',
      'x-gitlab-event-uuid': 'u1',
    };
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: '{}' };
    expect((await fetch(source.ingestUrl, init)).status).toBe(401);
    const [kept] = await gateway.requests(source);
    const path = `/ingest/api/v1/source/${source.id}`;
    const shown = await gateway.api('GET', `${path}/request/${kept!.id}`);
    expect(shown.body.headers).toMatchObject({ 'x-gitlab-token': ['***'] });
    expect(shown.text).not.toContain('glpt-4f7a1c');
    await gateway.api('PATCH', path, { config: { secret: 'glpt-4f7a1c' } });
    const replayed = await gateway.api('POST', `${path}/request/${kept!.id}/replay`);
    expect(replayed.body).toMatchObject({ verdict: 'accepted' });
    await arrived();
  });
});

describe('a header of your own choice that carries the secret', () => {
  test('is shown to nobody', async () => {
    const config = { secret: 'the value', settings: { header: 'X-Word' } };
    const source = await sourceWithEndpoint({ type: 'bigcommerce', config });
    const headers = { 'content-type': 'application/json', 'x-word': 'the value' };
    const body = '{"scope":"store/order/created","hash":"1"}';
    expect((await fetch(source.ingestUrl, { method: 'POST', headers, body })).status).toBe(200);
    const [kept] = await gateway.requests(source);
    const whole = await gateway.api('GET', `/ingest/api/v1/source/${source.id}/request/${kept!.id}`);
    expect(whole.body.headers).toMatchObject({ 'x-word': ['***'] });
    expect(whole.text).not.toContain('the value');
  });
});

describe('an event that does not fit its schema', () => {
  const schema = { type: 'object', required: ['ref'], properties: { ref: { type: 'string' } } };

  async function describedType(): Promise<string> {
    const name = `checked-${randomUUID()}`;
    const made = await gateway.api('POST', '/api/v1/event-type', {
      name,
      description: '',
      schemas: { 1: schema },
    });
    expect(made.status, made.text).toBe(201);
    return name;
  }

  test('is refused where the source says so', async () => {
    const source = await sourceWithEndpoint({ validation: 'reject' });
    const headers = { 'x-github-event': await describedType() };
    expect((await gateway.push(source, { headers, body: '{"ref":1}' })).status).toBe(422);
    expect((await gateway.push(source, { headers, body: '{"ref":"main"}' })).status).toBe(204);
    await arrived();
    const [, refused] = await gateway.requests(source);
    expect(refused).toMatchObject({ verdict: 'rejected', reason: 'schema' });
    expect(String(refused!.detail)).toMatch(/^checked-\S+: payload.ref must be string/);
  });

  test('is parked where it says that, and goes on once the schema is mended', async () => {
    const source = await sourceWithEndpoint({ validation: 'park' });
    const type = await describedType();
    expect(
      (await gateway.push(source, { headers: { 'x-github-event': type }, body: '{"n":1}' })).status,
    ).toBe(204);
    expect(await gateway.messages(source)).toEqual([]);
    const [parked] = await gateway.requests(source, 'parked');
    const path = `/ingest/api/v1/source/${source.id}/request/${parked!.id}/replay`;
    expect((await gateway.api('POST', path)).body).toMatchObject({ verdict: 'parked', reason: 'schema' });
    await gateway.api('PATCH', `/api/v1/event-type/${type}`, { schemas: { 1: { type: 'object' } } });
    expect((await gateway.api('POST', path)).body).toMatchObject({ verdict: 'accepted' });
    await arrived();
    expect(receiver.requests[0]!.body.toString()).toBe('{"n":1}');
    expect(await gateway.requests(source)).toMatchObject([
      { verdict: 'accepted', replayedAt: expect.any(String) },
    ]);
  });

  test('and could not be verified either is not made to look verified by a replay', async () => {
    const source = await sourceWithEndpoint({ validation: 'park', observe: true });
    const headers = { 'x-github-event': await describedType() };
    const delivery = randomUUID();
    expect((await gateway.push(source, { headers, delivery, body: '{}', secret: 'wrong' })).status).toBe(204);
    const [parked] = await gateway.requests(source);
    expect(parked).toMatchObject({ verdict: 'parked', reason: 'unverified' });
    const path = `/ingest/api/v1/source/${source.id}/request/${parked!.id}/replay`;
    await gateway.api('PATCH', `/ingest/api/v1/source/${source.id}`, { validation: 'reject' });
    expect((await gateway.api('POST', path)).body).toMatchObject({ verdict: 'rejected', reason: 'schema' });
    await gateway.api('PATCH', `/ingest/api/v1/source/${source.id}`, { validation: 'none' });
    expect((await gateway.api('POST', path)).status).toBe(200);
    await arrived();
    expect(await gateway.requests(source)).toMatchObject([{ verdict: 'unverified' }]);
    expect(await gateway.messages(source)).toMatchObject([{ eventId: `unverified:${delivery}` }]);
  });

  test('does not hold up the others of its batch, and follows alone', async () => {
    const source = await sourceWithEndpoint({
      type: 'sendgrid',
      config: { publicKey },
      validation: 'park',
    });
    const type = await describedType();
    const events = [
      { event: type, sg_event_id: 'e1', ref: 'main' },
      { event: type, sg_event_id: 'e2', ref: 1 },
      { event: 'other', sg_event_id: 'e3' },
    ];
    const sent = await gateway.send(source, 'sendgrid', { body: JSON.stringify(events), secret: privateKey });
    expect(sent.status).toBe(204);
    await arrived(2);
    const [row] = await gateway.requests(source);
    expect(row).toMatchObject({
      verdict: 'accepted',
      reason: 'schema',
      messageIds: [expect.any(String), expect.any(String)],
    });
    expect(row!.detail).toMatch(/^1 of 3 events: /);
    await gateway.api('PATCH', `/api/v1/event-type/${type}`, { schemas: { 1: { type: 'object' } } });
    const path = `/ingest/api/v1/source/${source.id}/request/${row!.id}/replay`;
    expect((await gateway.api('POST', path)).body).toMatchObject({ verdict: 'accepted' });
    await arrived(3);
    expect(
      receiver.requests
        .map(({ body }) => (JSON.parse(body.toString()) as { sg_event_id: string }).sg_event_id)
        .sort(),
    ).toEqual(['e1', 'e2', 'e3']);
    expect((await gateway.requests(source))[0]!.messageIds).toHaveLength(3);
    expect((await gateway.api('POST', path)).status).toBe(409);
  });
});

describe('a provider that asks before it sends', () => {
  test('teaches its secret once, and nobody teaches another', async () => {
    const source = await sourceWithEndpoint({ type: 'asana', config: {} });
    const teach = (secret: string) =>
      fetch(source.ingestUrl, { method: 'POST', headers: { 'x-hook-secret': secret }, body: '{}' });
    const taught = await teach('taught by asana');
    expect(taught.status).toBe(200);
    expect(taught.headers.get('x-hook-secret')).toBe('taught by asana');
    expect((await teach('taught by asana')).status).toBe(200);
    expect((await teach('taught by a stranger')).status).toBe(401);
    const body = '{"events":[{"action":"changed","resource":{"gid":"1","resource_type":"task"}}]}';
    expect((await gateway.send(source, 'asana', { body, secret: 'taught by a stranger' })).status).toBe(401);
    expect((await gateway.send(source, 'asana', { body, secret: 'taught by asana' })).status).toBe(200);
    expect(await gateway.messages(source)).toMatchObject([{ eventType: 'task.changed' }]);
    const path = `/ingest/api/v1/source/${source.id}`;
    const { data } = (await gateway.api('GET', `${path}/secret`)).body as { data: object[] };
    expect(data).toMatchObject([{ key: 'taught by asana', learned: true }]);
    await gateway.api('PATCH', path, { config: { secret: null } });
    await waitFor(async () => (await teach('taught anew')).status === 200, { what: 'a new secret' });
  });

  test('is answered by a word of the operator, whatever methods events may have', async () => {
    const source = await gateway.source({ type: 'meta', config: { secret: 's', verifyToken: 'a word' } });
    const ask = (word: string) =>
      fetch(`${source.ingestUrl}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=${word}`);
    const answer = await ask('a%20word');
    expect(await answer.text()).toBe('1158201444');
    expect((await ask('another')).status).not.toBe(200);
  });
});

describe('a source', () => {
  test('verifies with the old secret and the new one while they are exchanged', async () => {
    const source = await sourceWithEndpoint();
    const path = `/ingest/api/v1/source/${source.id}/secret`;
    const rotated = await gateway.api('POST', `${path}/rotate`, { key: 'the new one' });
    expect(rotated.status).toBe(204);
    expect((await gateway.push(source)).status).toBe(204);
    expect((await gateway.push(source, { secret: 'the new one' })).status).toBe(204);
    const secrets = (await gateway.api('GET', path)).body.data as Record<string, unknown>[];
    expect(secrets).toMatchObject([
      { key: 'the new one', expiresAt: null },
      { key: githubSecret, expiresAt: expect.any(String) },
    ]);
    const used = await gateway.requests(source);
    expect(used.map(({ secretId }) => secretId)).toEqual(secrets.map(({ id }) => id));
    await gateway.api('POST', `${path}/rotate`, { key: 'the last one', gracePeriodSeconds: 0 });
    expect((await gateway.push(source, { secret: 'the new one' })).status).toBe(401);
    expect((await gateway.push(source, { secret: 'the last one' })).status).toBe(204);
  });

  test('whose URL is rotated is reached by the old one and the new one', async () => {
    const source = await sourceWithEndpoint();
    const rotated = await gateway.api('POST', `/ingest/api/v1/source/${source.id}/token/rotate`);
    const ingestUrl = String(rotated.body.ingestUrl);
    expect(ingestUrl).not.toBe(source.ingestUrl);
    expect((await gateway.push({ ...source, ingestUrl })).status).toBe(204);
    expect((await gateway.push(source)).status).toBe(204);
  });

  test('that is deleted is gone at once', async () => {
    const source = await sourceWithEndpoint();
    expect((await gateway.push(source)).status).toBe(204);
    expect((await gateway.api('DELETE', `/ingest/api/v1/source/${source.id}`)).status).toBe(204);
    expect((await gateway.push(source)).status).toBe(404);
    expect((await gateway.push(source, { secret: 'wrong' })).status).toBe(404);
  });

  test('that only observes takes in what it cannot verify, and says so', async () => {
    const source = await sourceWithEndpoint({ observe: true });
    const delivery = randomUUID();
    expect((await gateway.push(source, { secret: 'wrong', delivery })).status).toBe(204);
    await arrived();
    expect(await gateway.requests(source)).toMatchObject([{ verdict: 'unverified', reason: 'mismatch' }]);
    // What anybody can send does not take the place of what the provider sends.
    expect((await gateway.push(source, { delivery })).status).toBe(204);
    await arrived(2);
    expect(await gateway.requests(source, 'accepted')).toHaveLength(1);
  });

  test('answers what it was told to answer', async () => {
    const answer = { status: 200, contentType: 'application/json', body: '{"ok":true}' };
    const source = await sourceWithEndpoint({ answer });
    const response = await gateway.push(source);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.text()).toBe('{"ok":true}');
  });

  test('answers the question whether its URL is ours', async () => {
    const source = await sourceWithEndpoint({ type: 'slack', config: { secret: 'slack secret' } });
    const body =
      '{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}';
    const response = await gateway.send(source, 'slack', { body, secret: 'slack secret' });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      challenge: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P',
    });
    expect(await gateway.messages(source)).toEqual([]);
    const forged = await gateway.send(source, 'slack', { body, secret: 'wrong' });
    expect(forged.status).toBe(401);
  });

  test('takes the methods, the sizes and as many requests as it allows', async () => {
    const source = await sourceWithEndpoint({ bodyMaxBytes: 100, rateLimit: 3 });
    const got = await fetch(source.ingestUrl);
    expect(got.status).toBe(405);
    expect(got.headers.get('allow')).toBe('POST');
    expect((await gateway.push(source, { body: JSON.stringify({ n: 'x'.repeat(200) }) })).status).toBe(413);
    const beganMs = performance.now();
    const answers = await Promise.all(Array.from({ length: 60 }, () => gateway.push(source)));
    const seconds = (performance.now() - beganMs) / 1_000;
    const statuses = answers.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([204, 429]));
    expect(statuses.filter((status) => status === 204).length).toBeLessThanOrEqual(3 + 3 * seconds);
    expect(answers.find(({ status }) => status === 429)?.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await gateway.requests(source, 'rejected')).toMatchObject([{ reason: 'method' }]);
  });

  test('that nobody signs for is protected by its URL, and takes any content', async () => {
    const source = await sourceWithEndpoint({ type: 'generic-webhook', config: {} });
    const path = new URL(source.ingestUrl).pathname.slice('/in/'.length);
    expect(path.length).toBeGreaterThanOrEqual(43);
    const sent = await fetch(source.ingestUrl, {
      method: 'POST',
      headers: { 'content-type': 'text/csv', 'x-event-type': 'orders/create', authorization: 'Bearer abc' },
      body: 'a,b\n1,2\n',
    });
    expect(sent.status).toBe(204);
    const [delivered] = await arrived();
    expect(delivered!.body.toString()).toBe('a,b\n1,2\n');
    expect(delivered!.headers['content-type']).toBe('text/csv');
    expect(await gateway.messages(source)).toMatchObject([{ eventType: 'orders.create' }]);
    const [stored] = await gateway.requests(source);
    const whole = await gateway.api('GET', `/ingest/api/v1/source/${source.id}/request/${stored!.id}`);
    expect(whole.body.headers).toMatchObject({ authorization: ['***'] });
    expect(whole.text).not.toContain('abc');
  });
});

describe('the door', () => {
  test('says no more than 404 to whoever does not know a URL', async () => {
    for (const path of ['/in/', '/in/x', `/in/${'a'.repeat(43)}`, '/in/%00']) {
      const response = await fetch(posthorn.url + path, { method: 'POST', body: '{}' });
      expect(response.status, path).toBe(404);
      expect(await response.text()).toBe('');
    }
  });

  test('survives whatever is thrown at it, and answers the next request', async () => {
    const source = await sourceWithEndpoint();
    const { port, pathname } = new URL(source.ingestUrl);
    const head = `POST ${pathname} HTTP/1.1\r\nhost: x\r\n`;
    const thrown = [
      'nonsense\r\n\r\n',
      `${head}content-length: 10\r\n\r\nshort`,
      `${head}content-length: abc\r\n\r\n`,
      `${head}transfer-encoding: chunked\r\n\r\nzz\r\n`,
      `${head}x-hub-signature-256: sha256=${'0'.repeat(64)}\r\ncontent-length: 2\r\n\r\n{}`,
      `${head}__proto__: x\r\nconstructor: y\r\ncontent-length: 2\r\n\r\n{}`,
      `${head}x-hub-signature-256: ${'\u00ff'.repeat(5000)}\r\ncontent-length: 1\r\n\r\n{`,
      `GET ${pathname}?${'a=1&'.repeat(2000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
      `BREW ${pathname} HTTP/1.1\r\nhost: x\r\n\r\n`,
    ];
    for (const bytes of thrown) {
      const status = await statusOf(Number(port), bytes);
      if (status !== undefined) expect(status, bytes.slice(0, 80)).toSatisfy((code: number) => code < 500);
    }
    expect((await gateway.push(source)).status).toBe(204);
    await arrived();
  });
});

/** The status of the answer; undefined when the connection ended without one. */
function statusOf(port: number, bytes: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes, 'latin1'));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
      resolve(status === undefined ? undefined : Number(status));
    });
  });
}
