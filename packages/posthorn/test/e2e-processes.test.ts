// `--processes N`: several real server processes on one port and one database, killed and stopped one by one and all.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { expect, test } from 'vitest';
import {
  type PosthornOptions,
  type PosthornProcess,
  startPosthorn,
  testToken,
} from './support/posthorn-process.ts';
import { type Recorder, startRecorder } from './support/recorder.ts';
import { cleanups, testDatabase } from './support/end-to-end.ts';
import { waitFor } from './support/wait.ts';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const requestTimeoutMs = 30_000;

interface ServerRow {
  id: number;
  pid: number;
}

interface TestServers {
  posthorn: PosthornProcess;
  receiver: Recorder;
  databaseUrl: string;
  query<R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R[]>;
  /** The server processes that the database knows, oldest first. */
  servers(): Promise<ServerRow[]>;
}

async function startTwo(
  { flags = [], ...options }: PosthornOptions = {},
  env: Record<string, string> = {},
): Promise<TestServers> {
  const databaseUrl = await testDatabase();
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  pool.on('error', () => {});
  cleanups.push(() => pool.end());
  const receiver = await startRecorder();
  cleanups.push(receiver.stop);
  const posthorn = await startPosthorn(databaseUrl, env, {
    ...options,
    flags: ['--processes', '2', ...flags],
  });
  const { application, endpoint } = posthorn.client;
  await application.create({ name: 'Acme', uid: 'acme' });
  await endpoint.create('acme', { url: receiver.url });
  const query = async <R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) =>
    (await pool.query<R>(text, [...values])).rows;
  return {
    posthorn,
    receiver,
    databaseUrl,
    query,
    servers: () => query<ServerRow>('select id, pid from posthorn.process order by id'),
  };
}

/** The id of the message when it was accepted. */
async function send(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${url}/api/v1/app/acme/msg`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ eventType: 'x', payload: {} }),
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    const { id } = (await answer.json()) as { id: string };
    return answer.status === 202 ? id : undefined;
  } catch {
    return undefined;
  }
}

interface Load {
  accepted: string[];
  /** Resolves when the requests under way have ended. */
  stop(): Promise<void>;
}

/** Sends in several lanes until it is stopped; keeps the ids that were answered 202. */
function startLoad(url: string, lanes = 8): Load {
  const accepted: string[] = [];
  let stopping = false;
  const lane = async () => {
    while (!stopping) {
      const id = await send(url);
      if (id !== undefined) accepted.push(id);
    }
  };
  const running = Promise.all(Array.from({ length: lanes }, lane));
  return {
    accepted,
    stop: async () => {
      stopping = true;
      await running;
    },
  };
}

async function sendMany(url: string, count: number): Promise<string[]> {
  const load = startLoad(url);
  await waitFor(() => load.accepted.length >= count, { what: `${count} messages being accepted` });
  await load.stop();
  return load.accepted;
}

const receivedIds = (receiver: Recorder) =>
  new Set(receiver.requests.map(({ headers }) => String(headers['webhook-id'])));

function missingOf(accepted: readonly string[], receiver: Recorder): string[] {
  const received = receivedIds(receiver);
  return accepted.filter((id) => !received.has(id));
}

/** A process that has ended does not count while nobody has waited for it. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const status = `/proc/${pid}/status`;
  return !existsSync(status) || !/^State:\s+[ZX]/m.test(readFileSync(status, 'utf8'));
}

const pidsOf = (servers: readonly ServerRow[]) => servers.map(({ pid }) => pid);

/** The log's complete lines that say `msg`. */
function linesOf(posthorn: PosthornProcess, msg: string): Record<string, unknown>[] {
  const lines = posthorn.log().split('\n').slice(0, -1);
  const entries = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as object);
  return entries.filter((entry): entry is Record<string, unknown> => 'msg' in entry && entry.msg === msg);
}

function first<T>([item]: readonly T[]): T {
  if (item === undefined) throw new Error('there is none');
  return item;
}

test('two processes answer on one port; one that gets a SIGTERM finishes, and is replaced', async () => {
  const { posthorn, receiver, servers } = await startTwo({}, { POSTHORN_LOG_LEVEL: 'debug' });
  const before = await servers();
  const pids = pidsOf(before);
  expect(new Set([...pids, posthorn.pid]).size).toBe(3);
  const answering = () => linesOf(posthorn, 'answered').map(({ pid }) => pid);
  await waitFor(
    async () => {
      await Promise.all(Array.from({ length: 4 }, () => send(posthorn.url)));
      return new Set(answering()).size === 2;
    },
    { what: 'answers of both' },
  );
  expect(new Set(answering())).toEqual(new Set(pids));
  expect(linesOf(posthorn, 'ready')).toMatchObject([{ pid: posthorn.pid, url: posthorn.url }]);

  receiver.answer = () => ({ status: 200, delayMs: 100 });
  const accepted = await sendMany(posthorn.url, 40);
  const leaving = first(before);
  process.kill(leaving.pid, 'SIGTERM');
  const after = await waitFor(
    async () => {
      const found = await servers();
      return found.length === 2 && !pidsOf(found).includes(leaving.pid) ? found : undefined;
    },
    { what: 'a new server process' },
  );
  expect(after.map(({ id }) => id)).toContain(first(before.slice(1)).id);
  await waitFor(() => missingOf(accepted, receiver).length === 0, { what: 'all deliveries' });
  expect(await posthorn.end('SIGTERM')).toBe(0);
  expect(receiver.requests.length).toBe(receivedIds(receiver).size);
});

test('kill -9 of one under load: replaced, its deliveries resumed at once, nothing lost', async () => {
  const { posthorn, receiver, query, servers } = await startTwo();
  receiver.answer = () => ({ status: 200, delayMs: 5_000 });
  const load = startLoad(posthorn.url);
  const before = await servers();
  const victim = first(before);
  const held = () =>
    query<{ message_id: string }>(
      `select message_id from posthorn.delivery where lease_owner = $1 and state = 'delivering'`,
      [victim.id],
    );
  await waitFor(async () => (await held()).length >= 20, { what: 'deliveries in the hands of the victim' });
  receiver.answer = () => ({ status: 200 });
  const killedAtMs = performance.now();
  process.kill(victim.pid, 'SIGKILL');
  const found = async () => (await servers()).find(({ id }) => before.every((other) => other.id !== id));
  let replacementWasThere = false;
  await waitFor(
    async () => {
      replacementWasThere ||= (await found()) !== undefined;
      return (await held()).length === 0;
    },
    { what: 'the takeover' },
  );
  const takenOverMs = Math.round(performance.now() - killedAtMs);
  const replacement = await waitFor(found, { what: 'a replacement' });
  // By whom tells why: another one takes over only after heartbeats have been missing for long. It may do so before a
  // replacement has started on a busy machine, but not beside one.
  const takeover = await waitFor(() => linesOf(posthorn, 'took over from processes that are gone')[0]);
  expect(takeover).toMatchObject({ processIds: [victim.id] });
  const others = replacementWasThere ? [] : pidsOf(before.slice(1));
  expect([replacement.pid, ...others]).toContain(takeover.pid);
  await load.stop();
  await waitFor(() => missingOf(load.accepted, receiver).length === 0, {
    what: 'everything accepted',
  });
  expect(load.accepted.length).toBeGreaterThanOrEqual(20);

  // Who ends as soon as it is there is replaced with a delay.
  process.kill(replacement.pid, 'SIGKILL');
  const ends = () => linesOf(posthorn, 'a server process ended; another one takes its place');
  await waitFor(() => ends().length === 2, { what: 'the second end' });
  const nextOne = await waitFor(async () => {
    const pids = pidsOf(await servers());
    return pids.find((pid) => pid !== replacement.pid && pid !== before[1]?.pid);
  });
  process.kill(nextOne, 'SIGKILL');
  await waitFor(() => ends().length === 3, { what: 'the third end' });
  expect(ends()).toMatchObject(
    [victim.pid, replacement.pid, nextOne].map((workerPid) => ({
      pid: posthorn.pid,
      workerPid,
      signal: 'SIGKILL',
    })),
  );
  expect(Number(ends()[2]?.delayMs)).toBeGreaterThan(0);
  process.stdout.write(`a killed server's deliveries were taken over after ${takenOverMs} ms\n`);
});

test('SIGTERM of the primary under load: exit code 0, nothing left running, nothing lost', async () => {
  const { posthorn, receiver, databaseUrl, servers } = await startTwo();
  receiver.answer = () => ({ status: 200, delayMs: 100 });
  const load = startLoad(posthorn.url);
  await waitFor(() => load.accepted.length > 50, { what: 'load' });
  const pids = pidsOf(await servers());
  expect(await posthorn.end('SIGTERM')).toBe(0);
  expect(pids.filter(runs)).toEqual([]);
  expect(await servers()).toEqual([]);
  await load.stop();
  receiver.answer = () => ({ status: 200 });
  await startPosthorn(databaseUrl);
  await waitFor(() => missingOf(load.accepted, receiver).length === 0, {
    what: 'everything accepted',
  });
  expect(receiver.requests.length).toBe(receivedIds(receiver).size);
});

test('SIGKILL of the primary: the others finish what they do and end', async () => {
  const { posthorn, receiver, servers } = await startTwo();
  receiver.answer = () => ({ status: 200, delayMs: 500 });
  const accepted = await sendMany(posthorn.url, 4);
  await waitFor(() => receiver.requests.length > 0, { what: 'a delivery under way' });
  const underWay = receivedIds(receiver);
  const pids = pidsOf(await servers());
  await posthorn.end('SIGKILL');
  await waitFor(() => pids.filter(runs).length === 0, { what: 'the end of the others' });
  // A graceful end: registered nowhere, nothing in their hands, and what was being sent arrived once.
  expect(await servers()).toEqual([]);
  expect(await send(posthorn.url)).toBeUndefined();
  expect(accepted).toEqual(expect.arrayContaining([...underWay]));
  expect(receiver.requests.length).toBe(receivedIds(receiver).size);
  expect(receiver.answeredCount()).toBe(receiver.requests.length);
});

test('^C reaches the whole group, and ends no server process; a second one stops at once', async () => {
  const { posthorn, receiver, servers } = await startTwo({ leadsGroup: true });
  receiver.answer = () => ({ status: 200, delayMs: 19_000 });
  await sendMany(posthorn.url, 4);
  await waitFor(() => receiver.requests.length > 0, { what: 'a delivery under way' });
  const pids = pidsOf(await servers());
  process.kill(-posthorn.pid, 'SIGINT');
  await waitFor(() => posthorn.log().includes('stopping: finishing what is under way'), { what: 'the note' });
  expect(pids.filter(runs)).toEqual(pids);
  const secondAtMs = performance.now();
  process.kill(-posthorn.pid, 'SIGINT');
  // Resolves when it has ended; the signal itself comes too late to matter.
  expect(await posthorn.end('SIGCONT')).toBe(130);
  expect(performance.now() - secondAtMs).toBeLessThan(15_000);
  expect(pids.filter(runs)).toEqual([]);
});

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A command that ends by itself, or after `whileRunning` by ^C, which reaches its whole group. */
async function run(
  args: readonly string[],
  env: Record<string, string>,
  whileRunning?: (stdout: () => string, stderr: () => string) => Promise<unknown>,
): Promise<Ended> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-processes-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { PATH: process.env.PATH, ...env },
  });
  cleanups.push(async () => child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (output.stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (output.stderr += String(chunk)));
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  if (whileRunning) {
    await whileRunning(
      () => output.stdout,
      () => output.stderr,
    );
    process.kill(-Number(child.pid), 'SIGINT');
  }
  return { code: await closed, ...output };
}

async function takenPort(): Promise<number> {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => other.close(resolve)));
  return (other.address() as AddressInfo).port;
}

const newSecretKey = () => randomBytes(32).toString('base64');

test('a port in use ends everything with exit code 5 and one line', async () => {
  const port = await takenPort();
  const env = { DATABASE_URL: await testDatabase(), POSTHORN_SECRET_KEY: newSecretKey() };
  const { code, stdout, stderr } = await run(['serve', '--processes', '2', '--port', String(port)], env);
  expect(stderr).toBe(
    `error: 127.0.0.1:${port} is used by another program. fix: stop it, or choose another port with --port or PORT\n`,
  );
  expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
});

test('a database that does not exist ends everything with one line', async () => {
  const url = new URL(await testDatabase());
  url.pathname = '/posthorn_nowhere';
  const env = { DATABASE_URL: url.href, POSTHORN_SECRET_KEY: newSecretKey() };
  const { code, stderr } = await run(['serve', '--processes', '3', '--port', '0'], env);
  expect(stderr).toMatch(/^error: database "posthorn_nowhere" does not exist\. fix: [^\n]+\n$/);
  expect(code).toBe(4);
});

test('a wrong number of processes is a problem of one line', async () => {
  const { code, stderr } = await run(['config'], { POSTHORN_PROCESSES: '65' });
  expect(stderr).toBe(
    'error: POSTHORN_PROCESSES=65 (environment): out of range. fix: give a number from 1 to 64\n',
  );
  expect(code).toBe(2);
});

test('dev moves all processes to the next free port, shows one banner and the deliveries, and stops at ^C', async () => {
  const port = await takenPort();
  const env = {
    DATABASE_URL: await testDatabase(),
    POSTHORN_SECRET_KEY: newSecretKey(),
    POSTHORN_TOKEN: testToken,
  };
  const ended = await run(
    ['dev', '--processes', '2', '--port', String(port)],
    env,
    async (stdout, stderr) => {
      const found = await waitFor(() => /API {7}(http:\S+)/.exec(stdout()), { what: 'the banner' });
      const [, url = ''] = found;
      expect(Number(new URL(url).port)).toBeGreaterThan(port);
      const answers = await Promise.all(
        Array.from({ length: 6 }, () =>
          fetch(`${url}/api/v1/app/demo/msg`, {
            method: 'POST',
            headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' },
            body: JSON.stringify({ eventType: 'user.created', payload: {} }),
          }),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 202));
      const delivered = () => stderr().match(/-> msg_\S+ http:\S+\/dev\/inbox 200 /g)?.length;
      await waitFor(() => delivered() === 6, { what: 'six lines of deliveries' });
    },
  );
  expect(ended.stdout.match(/ready in/g)).toHaveLength(1);
  expect(ended.stdout).toContain(`Port ${port} is used by another program`);
  expect(ended.stderr).toMatch(/\nstopping: .*\nstopped\n$/);
  expect(ended.code).toBe(0);
});
