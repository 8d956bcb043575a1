// A source that answers what its endpoint answers: within a deadline, and without a promise that depends on it.
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from './support/database.ts';
import type { TestDatabase } from './support/database.ts';
import { gatewayClient } from './support/gateway.ts';
import type { GatewayClient, Source } from './support/gateway.ts';
import { endAllPosthorn, startPosthorn } from './support/posthorn-process.ts';
import { startRecorder } from './support/recorder.ts';
import type { Answer, Recorder } from './support/recorder.ts';
import { waitFor } from './support/wait.ts';

const long = 30_000;

let database: TestDatabase;
let gateway: GatewayClient;
let receiver: Recorder;

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = gatewayClient(await startPosthorn(database.url));
});
beforeEach(async () => {
  receiver = await startRecorder();
});
afterEach(() => receiver.stop());
afterAll(async () => {
  await endAllPosthorn();
  await database.drop();
});

async function sourceAnswering(answer: Answer, syncTimeoutMs = long): Promise<Source> {
  receiver.answer = () => answer;
  const source = await gateway.source({ syncTimeoutMs });
  await gateway.endpoint(source, { url: receiver.url });
  return source;
}

function hold(): { over: Promise<void>; end(): void } {
  let end = () => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { over, end: () => end() };
}

test('a provider is answered what the endpoint answered', async () => {
  const type = 'application/json; charset=utf-8';
  const source = await sourceAnswering({
    status: 201,
    headers: { 'content-type': type },
    body: '{"text":"\u00e9"}',
  });
  const response = await gateway.push(source);
  expect(response.status).toBe(201);
  expect(response.headers.get('content-type')).toBe(type);
  expect(response.headers.get('content-security-policy')).toContain('sandbox');
  expect(await response.text()).toBe('{"text":"\u00e9"}');
  expect(receiver.requests).toHaveLength(1);
});

test('bytes come as they are, and nothing that a browser would run', async () => {
  const headers = { 'content-type': 'text/html' };
  const source = await sourceAnswering({ status: 200, headers, body: '<script>' });
  const response = await gateway.push(source);
  expect(response.headers.get('content-type')).toBe('application/octet-stream');
  expect(await response.text()).toBe('<script>');
});

test('after the deadline the answer is the ordinary one, and the delivery goes on', async () => {
  const held = hold();
  const source = await sourceAnswering({ status: 200, body: 'late', until: held.over }, 200);
  const response = await gateway.push(source);
  expect(response.status).toBe(204);
  expect(receiver.answeredCount()).toBe(0);
  held.end();
  await waitFor(() => receiver.answeredCount() === 1, { what: 'the delivery' });
});

test('what fails at first is waited for, too', async () => {
  const source = await sourceAnswering({ status: 200 });
  receiver.answer = (_, count) => (count === 1 ? { status: 500, body: 'no' } : { status: 200, body: 'yes' });
  const response = await gateway.push(source);
  expect(await response.text()).toBe('yes');
});

test('what is too long to be kept whole is not answered in part, nor does a repetition wait', async () => {
  const source = await sourceAnswering({ status: 200, body: 'x'.repeat(20_000) });
  const delivery = randomUUID();
  expect((await gateway.push(source, { delivery })).status).toBe(204);
  expect((await gateway.push(source, { delivery })).status).toBe(204);
  expect(receiver.requests).toHaveLength(1);
});

test('many at a time each get their own', async () => {
  const source = await sourceAnswering({ status: 200 });
  receiver.answer = ({ body }) => ({ status: 200, body: body.toString() });
  const bodies = Array.from({ length: 50 }, (_, n) => `{"n":${n}}`);
  const answers = await Promise.all(
    bodies.map(async (body) => (await gateway.push(source, { body })).text()),
  );
  expect(answers).toEqual(bodies);
});

test('a server that stops answers those who wait, and their deliveries are not lost', async () => {
  const second = await startPosthorn(database.url);
  const other = gatewayClient(second);
  const held = hold();
  receiver.answer = () => ({ status: 200, body: 'late', until: held.over });
  const source = await other.source({ syncTimeoutMs: long });
  await other.endpoint(source, { url: receiver.url });
  const answer = other.push(source);
  await waitFor(() => receiver.requests.length === 1, { what: 'the delivery' });
  const ended = second.end('SIGTERM');
  expect((await answer).status).toBe(204);
  expect(receiver.answeredCount()).toBe(0);
  held.end();
  expect(await ended).toBe(0);
  await waitFor(() => receiver.answeredCount() === 1, { what: 'the end of the delivery' });
});

test('a source says so, may be told otherwise, and takes no other times', async () => {
  const source = await gateway.source({ syncTimeoutMs: 500 });
  const path = `/ingest/api/v1/source/${source.id}`;
  expect((await gateway.api('GET', path)).body.syncTimeoutMs).toBe(500);
  for (const syncTimeoutMs of [99, 30_001, 1.5, '500']) {
    expect((await gateway.api('PATCH', path, { syncTimeoutMs })).status).toBe(422);
  }
  expect((await gateway.api('PATCH', path, { syncTimeoutMs: null })).body.syncTimeoutMs).toBeNull();
});
