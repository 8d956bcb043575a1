// Endpoints with an order, on real processes: one at a time, in the order of acceptance, whatever happens.
import { MessageStatus } from 'svix';
import { expect, test } from 'vitest';
import { type PosthornProcess, startPosthorn, testToken } from './support/posthorn-process.ts';
import { type Recorder, startRecorder } from './support/recorder.ts';
import { cleanups, testDatabase } from './support/end-to-end.ts';
import { waitFor } from './support/wait.ts';

interface Receiver extends Recorder {
  /** How many requests were under way at the same time, at most. */
  inFlightMax: number;
}

/** `fails` says for the n-th message and its request, from 0, whether it is refused. */
async function startReceiver(
  fails: (n: number, request: number) => boolean = () => false,
): Promise<Receiver> {
  const recorder = await startRecorder();
  cleanups.push(recorder.stop);
  const receiver: Receiver = Object.assign(recorder, { inFlightMax: 0 });
  const seen = new Map<number, number>();
  recorder.answer = ({ body }) => {
    receiver.inFlightMax = Math.max(
      receiver.inFlightMax,
      recorder.requests.length - recorder.answeredCount(),
    );
    const n = numberOf(body);
    const request = seen.get(n) ?? 0;
    seen.set(n, request + 1);
    return { status: fails(n, request) ? 500 : 200, delayMs: 1 };
  };
  return receiver;
}

const numberOf = (body: Buffer) => (JSON.parse(body.toString()) as { n: number }).n;
const numbers = (receiver: Recorder) => receiver.requests.map(({ body }) => numberOf(body));
const firstSeen = (receiver: Recorder) => [...new Set(numbers(receiver))];
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, place) => from + place);

async function call(posthorn: PosthornProcess, method: string, path: string, body: unknown) {
  const response = await fetch(`${posthorn.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as { id: string };
}

async function register(posthorn: PosthornProcess, url: string, onFailure?: 'block' | 'skip') {
  await call(posthorn, 'POST', '/app', { name: 'Acme', uid: 'acme' });
  const ordering = onFailure ? { mode: 'fifo', onFailure } : null;
  await call(posthorn, 'PUT', '/app/acme/endpoint/main', { url, ordering });
}

const setOrdering = (posthorn: PosthornProcess, ordering: object | null) =>
  call(posthorn, 'PATCH', '/app/acme/endpoint/main', { ordering });

const messageOf = (n: number) => ({ eventType: 'x', payload: { n } });
const send = (posthorn: PosthornProcess, n: number) => call(posthorn, 'POST', '/app/acme/msg', messageOf(n));
const sendBatch = (posthorn: PosthornProcess, wanted: readonly number[]) =>
  call(posthorn, 'POST', '/app/acme/msg/batch', { messages: wanted.map(messageOf) });

const atOnce = { POSTHORN_RETRY_SCHEDULE: '0,0,0,0' };

test('block: 500 messages reach a flaky receiver in their order, and nothing passes one that is retried', async () => {
  const receiver = await startReceiver((n, request) => n % 25 === 7 && request < 2);
  const posthorn = await startPosthorn(await testDatabase(), atOnce);
  await register(posthorn, receiver.url, 'block');
  await sendBatch(posthorn, upTo(250));
  await sendBatch(posthorn, upTo(250, 250));
  await waitFor(() => receiver.answeredCount() >= 540, { what: 'all 500' });
  expect(await posthorn.end('SIGTERM')).toBe(0);
  expect(numbers(receiver)).toEqual(upTo(500).flatMap((n) => (n % 25 === 7 ? [n, n, n] : [n])));
  expect(receiver.inFlightMax).toBe(1);
});

test('block: one that is exhausted lets the next ones go', async () => {
  const receiver = await startReceiver((n) => n === 3);
  const posthorn = await startPosthorn(await testDatabase(), atOnce);
  await register(posthorn, receiver.url, 'block');
  await sendBatch(posthorn, upTo(10));
  await waitFor(() => receiver.answeredCount() >= 13, { what: 'all 10' });
  expect(numbers(receiver)).toEqual([0, 1, 2, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9]);
});

test('skip: first attempts keep the order, one that failed is retried later, and never two at a time', async () => {
  const receiver = await startReceiver((n, request) => n % 50 === 7 && request < 1);
  const posthorn = await startPosthorn(await testDatabase(), { POSTHORN_RETRY_SCHEDULE: '0,1,1' });
  await register(posthorn, receiver.url, 'skip');
  await sendBatch(posthorn, upTo(500));
  await waitFor(() => receiver.answeredCount() >= 510, { what: 'all 500' });
  expect(await posthorn.end('SIGTERM')).toBe(0);
  expect(firstSeen(receiver)).toEqual(upTo(500));
  expect(numbers(receiver)).not.toEqual(upTo(500).flatMap((n) => (n % 50 === 7 ? [n, n] : [n])));
  expect(receiver.requests.length).toBe(510);
  expect(receiver.inFlightMax).toBe(1);
});

test('two processes, messages accepted by one and the other in turn: the order is that of the answers', async () => {
  const databaseUrl = await testDatabase();
  const receiver = await startReceiver((n, request) => n % 40 === 5 && request < 1);
  const processes = [
    await startPosthorn(databaseUrl, atOnce),
    await startPosthorn(databaseUrl, atOnce),
  ] as const;
  await register(processes[0], receiver.url, 'block');
  for (const n of upTo(200)) await send(processes[n % 2 === 0 ? 0 : 1], n);
  await waitFor(() => receiver.answeredCount() >= 205, { what: 'all 200' });
  expect(firstSeen(receiver)).toEqual(upTo(200));
  expect(receiver.inFlightMax).toBe(1);
  expect(receiver.requests.length).toBe(205);
});

test('kill -9 of the process that delivers: the other one goes on where it was', async () => {
  const databaseUrl = await testDatabase();
  const receiver = await startReceiver();
  const { answer } = receiver;
  receiver.answer = (request, count) => ({ ...answer(request, count), delayMs: 20 });
  const doomed = await startPosthorn(databaseUrl);
  const survivor = await startPosthorn(databaseUrl);
  await register(doomed, receiver.url, 'block');
  await sendBatch(doomed, upTo(100));
  await waitFor(() => receiver.requests.length >= 30, { what: 'a part of them' });
  await doomed.end('SIGKILL');
  const before = firstSeen(receiver).length;
  await sendBatch(survivor, upTo(50, 100));
  await waitFor(() => firstSeen(receiver).length === 150, { what: 'all 150' });
  expect(await survivor.end('SIGTERM')).toBe(0);
  expect(firstSeen(receiver)).toEqual(upTo(150));
  const duplicates = receiver.requests.length - 150;
  process.stdout.write(`kill -9 in order: ${before} received before, ${duplicates} duplicates\n`);
  expect(duplicates).toBeLessThanOrEqual(5);
});

test('an order that is switched on puts what waits already in front, by its age', async () => {
  let isDown = true;
  const receiver = await startReceiver(() => isDown);
  const posthorn = await startPosthorn(await testDatabase(), {
    POSTHORN_RETRY_SCHEDULE: `0${',1'.repeat(49)}`,
  });
  await register(posthorn, receiver.url);
  // One batch after the other: without an order, those at the same time have the age of their statements.
  for (const from of [0, 20, 40]) await sendBatch(posthorn, upTo(20, from));
  await waitFor(() => receiver.answeredCount() >= 10, { what: 'failures' });
  await setOrdering(posthorn, { mode: 'fifo' });
  await sendBatch(posthorn, upTo(50, 60));
  // Whatever was under way has ended when one of those that came later has nothing before it.
  await waitFor(() => receiver.requests.length === receiver.answeredCount(), { what: 'a pause' });
  isDown = false;
  const failed = receiver.requests.length;
  await waitFor(() => new Set(numbers(receiver).slice(failed)).size === 110, {
    what: 'all 110',
  });
  expect([...new Set(numbers(receiver).slice(failed))]).toEqual(upTo(110));
});

test('an order that is switched off lets everything go at once that waited for the one in front', async () => {
  const receiver = await startReceiver((n) => n === 0);
  const posthorn = await startPosthorn(await testDatabase(), { POSTHORN_RETRY_SCHEDULE: '0,3600' });
  await register(posthorn, receiver.url, 'block');
  await sendBatch(posthorn, upTo(40));
  await waitFor(() => receiver.answeredCount() === 1, { what: 'the failure in front' });
  await setOrdering(posthorn, null);
  await send(posthorn, 40);
  await waitFor(() => receiver.answeredCount() === 41, { what: 'the others' });
  expect(new Set(numbers(receiver))).toEqual(new Set(upTo(41)));
  // And on again: what comes now waits for the failed one.
  await setOrdering(posthorn, { mode: 'fifo', onFailure: 'block' });
  await send(posthorn, 41);
  await setOrdering(posthorn, { mode: 'fifo', onFailure: 'skip' });
  await waitFor(() => receiver.answeredCount() === 42, { what: 'the one that was skipped for' });
});

test('a resend has its old place: in front of what waits, and a failure of it holds nothing up', async () => {
  let refused = 5;
  const receiver = await startReceiver((n) => n === refused);
  const posthorn = await startPosthorn(await testDatabase(), { POSTHORN_RETRY_SCHEDULE: '0,3600' });
  await register(posthorn, receiver.url, 'block');
  const first = await send(posthorn, 0);
  const endpoint = await posthorn.client.endpoint.get('acme', 'main');
  await sendBatch(posthorn, upTo(9, 1));
  await waitFor(() => receiver.answeredCount() === 6, { what: 'the failure in front' });
  await posthorn.client.message.get('acme', first.id);
  await posthorn.client.messageAttempt.resend('acme', first.id, endpoint.id);
  await waitFor(() => receiver.answeredCount() === 7, { what: 'the resend' });
  expect(numbers(receiver)).toEqual([0, 1, 2, 3, 4, 5, 0]);
  refused = -1;
  const [blocked] = (await posthorn.client.endpoint.list('acme')).data;
  expect(blocked?.id).toBe(endpoint.id);
  const messages = await posthorn.client.message.list('acme', { withContent: true });
  const fifth = messages.data.find(({ payload }) => (payload as { n: number }).n === 5);
  await posthorn.client.messageAttempt.resend('acme', fifth?.id ?? '', endpoint.id);
  await waitFor(() => receiver.answeredCount() === 12, { what: 'those behind it' });
  expect(numbers(receiver)).toEqual([0, 1, 2, 3, 4, 5, 0, 5, 6, 7, 8, 9]);
});

test('what waits for a disabled endpoint ends cancelled; enabled again, it gets the new ones in order', async () => {
  let refusesAll = true;
  const receiver = await startReceiver(() => refusesAll);
  const posthorn = await startPosthorn(await testDatabase(), {
    POSTHORN_RETRY_SCHEDULE: `0${',2'.repeat(30)}`,
  });
  await register(posthorn, receiver.url, 'block');
  await sendBatch(posthorn, upTo(20));
  await waitFor(() => receiver.answeredCount() === 1, { what: 'the failure in front' });
  await call(posthorn, 'PATCH', '/app/acme/endpoint/main', { disabled: true });
  const statuses = async () =>
    (await posthorn.client.messageAttempt.listAttemptedMessages('acme', 'main')).data.map(
      ({ status }) => status,
    );
  await waitFor(async () => (await statuses()).every((status) => status === MessageStatus.Canceled), {
    what: 'all 20 cancelled',
  });
  // The one in front may have been tried again before the endpoint was disabled.
  const tried = receiver.requests.length;
  expect(new Set(numbers(receiver))).toEqual(new Set([0]));
  refusesAll = false;
  await call(posthorn, 'PATCH', '/app/acme/endpoint/main', { disabled: false });
  await sendBatch(posthorn, upTo(20, 20));
  await waitFor(() => receiver.answeredCount() === tried + 20, { what: 'the new ones' });
  expect(numbers(receiver).slice(tried)).toEqual(upTo(20, 20));
});
