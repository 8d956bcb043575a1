// Kills: of one process, of one among two, of PostgreSQL. What was answered 202 arrives.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../src/embedded/cluster.ts';
import { startDatabaseGate } from './support/database-gate.ts';
import { type PosthornProcess, startPosthorn } from './support/posthorn-process.ts';
import { type Recorder } from './support/recorder.ts';
import { cleanups, testDatabase, testRecorder } from './support/end-to-end.ts';
import { waitFor } from './support/wait.ts';

async function register(posthorn: PosthornProcess, url: string): Promise<void> {
  await posthorn.client.application.create({ name: 'Acme', uid: 'acme' });
  await posthorn.client.endpoint.create('acme', { url });
}

/** Sends until `many` are accepted; resolves with the ids that were answered 202. */
async function sendMany(posthorn: PosthornProcess, many: number): Promise<string[]> {
  const ids: string[] = [];
  const lane = async (start: number) => {
    for (let n = start; n < many; n += 20) {
      const { id } = await posthorn.client.message.create('acme', { eventType: 'x', payload: { n } });
      ids.push(id);
    }
  };
  await Promise.all(Array.from({ length: 20 }, (_, start) => lane(start)));
  return ids;
}

const receivedIds = (receiver: Recorder) =>
  receiver.requests.map(({ headers }) => String(headers['webhook-id']));

test('kill -9 with 500 messages accepted and a slow endpoint: all arrive after the restart', async () => {
  const databaseUrl = await testDatabase();
  const receiver = await testRecorder();
  receiver.answer = () => ({ status: 200, delayMs: 5_000 });
  const first = await startPosthorn(databaseUrl);
  await register(first, receiver.url);
  const accepted = await sendMany(first, 500);
  expect(accepted.length).toBe(500);
  await first.end('SIGKILL');
  receiver.answer = () => ({ status: 200, delayMs: 20 });
  const before = new Set(receivedIds(receiver)).size;
  expect(before).toBeLessThan(500);

  const second = await startPosthorn(databaseUrl);
  await waitFor(() => new Set(receivedIds(receiver)).size === 500, { what: 'all 500' });
  // A graceful stop finishes what is under way: what has come by then is all that comes.
  expect(await second.end('SIGTERM')).toBe(0);
  expect(new Set(receivedIds(receiver))).toEqual(new Set(accepted));
  const duplicates = receiver.requests.length - 500;
  process.stdout.write(`kill -9: 500 accepted, ${before} received before, ${duplicates} duplicates\n`);
  // At most what was under way at the kill: the endpoint's in-flight cap, plus answers not yet written down.
  expect(duplicates).toBeLessThanOrEqual(30);
});

test('the deliveries of a killed process are resumed by another one', async () => {
  const databaseUrl = await testDatabase();
  const receiver = await testRecorder();
  receiver.answer = () => ({ status: 200, delayMs: 15_000 });
  const doomed = await startPosthorn(databaseUrl);
  const survivor = await startPosthorn(databaseUrl);
  await register(doomed, receiver.url);
  const accepted = await sendMany(doomed, 40);
  await waitFor(() => receiver.requests.length > 0, { what: 'a first delivery' });
  const killedAtMs = performance.now();
  await doomed.end('SIGKILL');
  receiver.answer = () => ({ status: 200 });
  const before = receiver.requests.length;
  await waitFor(() => receiver.requests.length > before, { what: 'the takeover' });
  process.stdout.write(`takeover after ${Math.round(performance.now() - killedAtMs)} ms\n`);
  await waitFor(() => new Set(receivedIds(receiver)).size === 40, { what: 'all 40' });
  expect(new Set(receivedIds(receiver))).toEqual(new Set(accepted));
  expect(survivor.log()).toContain('took over');
});

test('SIGTERM finishes what is under way and gives the rest back: nothing is lost, nothing sent twice', async () => {
  const databaseUrl = await testDatabase();
  const receiver = await testRecorder();
  receiver.answer = () => ({ status: 200, delayMs: 5_000 });
  const first = await startPosthorn(databaseUrl);
  await register(first, receiver.url);
  const accepted = await sendMany(first, 100);
  expect(await first.end('SIGTERM')).toBe(0);
  expect(receiver.requests.length).toBeLessThan(100);
  receiver.answer = () => ({ status: 200 });
  await startPosthorn(databaseUrl);
  await waitFor(() => receiver.answeredCount() >= 100, { what: 'all 100' });
  expect(receivedIds(receiver).sort()).toEqual([...accepted].sort());
});

test('SIGTERM while PostgreSQL is away finishes what is under way: nothing is sent twice', async () => {
  const gate = await startDatabaseGate(await testDatabase());
  cleanups.push(gate.stop);
  const receiver = await testRecorder();
  receiver.answer = () => ({ status: 200, delayMs: 1_500 });
  const first = await startPosthorn(gate.url);
  await register(first, receiver.url);
  const accepted = await sendMany(first, 40);
  await waitFor(() => receiver.requests.length >= 10, { what: 'requests under way' });
  gate.shut();
  const underWay = receiver.requests.length;
  const ending = first.end('SIGTERM');
  await waitFor(() => receiver.answeredCount() >= underWay, { what: 'the answers to what was under way' });
  gate.open();
  expect(await ending).toBe(0);

  receiver.answer = () => ({ status: 200 });
  const second = await startPosthorn(gate.url);
  await waitFor(() => new Set(receivedIds(receiver)).size === 40, { what: 'all 40' });
  expect(await second.end('SIGTERM')).toBe(0);
  expect(receivedIds(receiver).toSorted()).toEqual(accepted.toSorted());
});

test('SIGTERM does not wait for a request that never ends', async () => {
  const posthorn = await startPosthorn(await testDatabase());
  const { hostname, port } = new URL(posthorn.url);
  const head = 'POST /api/v1/app/acme/msg HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n';
  for (const text of ['GET / HTTP/1.1\r\nx-half: ', `${head}content-type: application/json\r\n\r\n{"a`]) {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    await new Promise((resolve) => socket.write(text, resolve));
  }
  // By itself, Node ends a request that stays incomplete after a minute.
  const stoppedAtMs = performance.now();
  expect(await posthorn.end('SIGTERM')).toBe(0);
  expect(performance.now() - stoppedAtMs).toBeLessThan(45_000);
});

test('PostgreSQL killed and back: 503 meanwhile, then everything that was accepted arrives', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'posthorn-crash-'));
  const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
  const postgres = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres'), log: silent });
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }), postgres.stop);
  const receiver = await testRecorder();
  receiver.answer = () => ({ status: 200, delayMs: 20 });
  const posthorn = await startPosthorn(postgres.url);
  await register(posthorn, receiver.url);
  const accepted = await sendMany(posthorn, 200);

  const url = `${posthorn.url}/api/v1/app/acme/msg`;
  const headers = { authorization: 'Bearer test-token-0123456789', 'content-type': 'application/json' };
  const send = (n: number) =>
    fetch(url, { method: 'POST', headers, body: JSON.stringify({ eventType: 'x', payload: { n } }) });
  await killPostgres(join(dataDir, 'postgres'));
  const away = await waitFor(
    async () => {
      const answer = await send(-1);
      if (answer.status === 503) return answer;
      expect(answer.status).toBe(202);
      accepted.push(((await answer.json()) as { id: string }).id);
      return undefined;
    },
    { what: 'an answer 503' },
  );
  expect(Number(away.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await away.json()).toMatchObject({ code: 'database_unavailable' });
  const back = await waitFor(
    async () => {
      const answer = await send(-2);
      return answer.status === 202 ? answer : undefined;
    },
    { what: 'an answer 202 again' },
  );
  accepted.push(((await back.json()) as { id: string }).id);
  const missing = () => accepted.filter((id) => !receivedIds(receiver).includes(id));
  await waitFor(() => missing().length === 0, { what: 'everything accepted' });
});

async function killPostgres(dataDir: string): Promise<void> {
  const found = spawn('sh', ['-c', 'head -1 "$(find "$1" -name postmaster.pid)"', 'sh', dataDir]);
  let pid = '';
  found.stdout.on('data', (chunk) => {
    pid += String(chunk);
  });
  await new Promise((resolve) => found.on('close', resolve));
  expect(Number(pid)).toBeGreaterThan(1);
  process.kill(Number(pid), 'SIGKILL');
}
