// The embedded PostgreSQL, with its real binaries: starts, deaths of every party, several processes, root, bad places.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { locateBinaries } from '../src/embedded/binaries.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/embedded/cluster.ts';
import { EmbeddedPostgresError } from '../src/embedded/embedded-error.ts';
import { isAlive, findServer, removeRemnant } from '../src/embedded/postmaster-file.ts';
import { clusterOwner, run } from '../src/embedded/run-as.ts';
import { waitFor } from './support/wait.ts';

const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
// Bounds the suite's time; the durable settings have a test of their own.
const fast = { fsync: 'off' };
const cluster = new URL('../dist/embedded/cluster.js', import.meta.url);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A new folder that only the current user can enter. */
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-embedded-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const unmadeDataDir = async () => join(await newFolder(), 'postgres');

/** A copy of one empty cluster: making one takes most of a test's time. Root's copies also have to be handed over. */
async function newDataDir(): Promise<string> {
  const dataDir = await unmadeDataDir();
  await copyFolder(pattern, dataDir);
  return dataDir;
}

// Ten times as fast as fs.cp on a thousand files.
async function copyFolder(from: string, to: string): Promise<void> {
  const { exitCode, output } = await run({ command: 'cp', args: ['-RP', from, to], user: {} });
  if (exitCode !== 0) throw new Error(`${from} was not copied: ${output}`);
}

let pattern: string;
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-embedded-'));
  pattern = join(folder, 'postgres');
  const server = await startEmbeddedPostgres({ dataDir: pattern, log: newLog(), settings: fast });
  await server.stop();
  return () => rm(folder, { recursive: true, force: true });
});

function newLog() {
  const lines: string[] = [];
  const add = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  return { lines, info: add, warn: add, error: add };
}

type StartOptions = Partial<Parameters<typeof startEmbeddedPostgres>[0]>;

async function start(dataDir: string, options: StartOptions = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, log: newLog(), settings: fast, ...options });
  cleanups.push(() => server.stop());
  return server;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 20_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const result = await client.query<Record<string, unknown>>(sql);
    return result.rows.map((row) => Object.values(row)[0]);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const writeRow = (url: string) => query(url, "create table note as select 'kept' as text");
const readRow = (url: string) => query(url, 'select text from note');

const whenBack = (url: string) =>
  waitFor(() => readRow(url).catch(() => undefined), {
    what: 'the server being back',
  });

async function serverPid(dataDir: string): Promise<number> {
  const found = await findServer(dataDir);
  if (!found) throw new Error(`no server runs on ${dataDir}`);
  return found.pid;
}

async function statusField(pid: number, name: string): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
}

/** Another process that brings the server up, says how, and stops it when its input ends. */
interface Holder {
  ready: Promise<{ url: string; adopted: boolean }>;
  child: ChildProcess;
  /** What it logged or failed with. */
  complaints(): string;
}

const holderProgram = `
  const { startEmbeddedPostgres } = await import(process.argv[1]);
  const say = (fields, message) => console.error(message, JSON.stringify(fields));
  const log = { info: say, warn: say, error: say };
  const server = await startEmbeddedPostgres({ dataDir: process.argv[2], log, settings: { fsync: 'off' } });
  console.log(JSON.stringify({ url: server.url, adopted: server.adopted }));
  process.stdin.on('end', () => server.stop()).resume();
`;

function startHolder(dataDir: string, uid?: number): Holder {
  const args = ['--input-type=module', '-e', holderProgram, cluster.href, dataDir];
  const user = uid === undefined ? {} : { uid, gid: uid };
  const child = spawn(process.execPath, args, { stdio: 'pipe', cwd: '/', ...user });
  cleanups.push(() => child.kill('SIGKILL'));
  let output = '';
  let complaints = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (complaints += String(chunk)));
  const ready = new Promise<{ url: string; adopted: boolean }>((resolve, reject) => {
    child.stdout.on('data', () => output.endsWith('\n') && resolve(JSON.parse(output)));
    child.on('exit', (code) => reject(new Error(`the other process ended with ${code}: ${complaints}`)));
  });
  ready.catch(() => undefined);
  return { ready, child, complaints: () => complaints };
}

test('the first start makes a durable cluster, and the next one keeps its data and its URL', async () => {
  const dataDir = await unmadeDataDir();
  const first = await start(dataDir, { settings: {} });
  expect(first.adopted).toBe(false);
  expect(first.version).toMatch(/^18\./);
  expect(Number(new URL(first.url).port)).toBeGreaterThanOrEqual(20_000);
  expect(Number(new URL(first.url).port)).toBeLessThanOrEqual(32_000);
  const durable = "('fsync', 'synchronous_commit', 'full_page_writes', 'data_checksums')";
  expect(await query(first.url, `select setting from pg_settings where name in ${durable}`)).toEqual(
    Array(4).fill('on'),
  );
  expect(await query(first.url, 'show server_encoding')).toEqual(['UTF8']);
  expect((await stat(join(dataDir, 'posthorn.password'))).mode & 0o777).toBe(0o600);
  await writeRow(first.url);
  await first.stop();
  await first.stop();
  expect(await findServer(dataDir)).toBeUndefined();

  const second = await start(dataDir, { settings: {} });
  expect(second.url).toBe(first.url);
  expect(await readRow(second.url)).toEqual(['kept']);
});

test('a stop right after the start, and with a client connected, is prompt', async () => {
  const dataDir = await newDataDir();
  const log = newLog();
  await (await start(dataDir, { log })).stop();
  const server = await start(dataDir, { log });
  const client = new pg.Client({ connectionString: server.url });
  client.on('error', () => undefined);
  await client.connect();
  await server.stop();
  // It was not waited for the client until patience ended.
  expect(log.lines.filter((line) => line.includes('slow to stop'))).toEqual([]);
  expect(await findServer(dataDir)).toBeUndefined();
});

test('a wrong password is refused', async () => {
  const server = await start(await newDataDir());
  const url = new URL(server.url);
  url.password = 'guess';
  await expect(query(url.href, 'select 1')).rejects.toThrow('password authentication failed');
});

test('a server killed with SIGKILL is back by itself, at the same URL, with its data', async () => {
  const dataDir = await newDataDir();
  const server = await start(dataDir);
  await writeRow(server.url);
  const pid = await serverPid(dataDir);
  process.kill(pid, 'SIGKILL');
  expect(await whenBack(server.url)).toEqual(['kept']);
  expect(await serverPid(dataDir)).not.toBe(pid);
});

test('a server that someone asks to stop gently is replaced, though a client stays connected', async () => {
  const dataDir = await newDataDir();
  const server = await start(dataDir);
  await writeRow(server.url);
  const client = new pg.Client({ connectionString: server.url });
  client.on('error', () => undefined);
  await client.connect();
  const pid = await serverPid(dataDir);
  process.kill(pid, 'SIGTERM');
  await waitFor(() => !isAlive(pid), { what: 'the old server ending' });
  expect(await whenBack(server.url)).toEqual(['kept']);
});

test('a server whose keeper was killed gets a new keeper', async (context) => {
  context.skip(process.platform !== 'linux', 'finds the keeper in /proc, which only Linux has');
  const dataDir = await newDataDir();
  const server = await start(dataDir);
  await writeRow(server.url);
  const pid = await serverPid(dataDir);
  process.kill(Number(await statusField(pid, 'PPid')), 'SIGKILL');
  await waitFor(() => !isAlive(pid), { what: 'the old server ending' });
  expect(await whenBack(server.url)).toEqual(['kept']);
  await server.stop();
  expect(await findServer(dataDir)).toBeUndefined();
});

test('when its parent is killed with SIGKILL the server goes too, and the next start has the data', async () => {
  const dataDir = await newDataDir();
  const holder = startHolder(dataDir);
  const { url } = await holder.ready;
  await writeRow(url);
  const pid = await serverPid(dataDir);
  holder.child.kill('SIGKILL');
  await waitFor(() => !isAlive(pid), { what: 'the orphan ending' });
  const next = await start(dataDir);
  expect(next).toMatchObject({ url, adopted: false });
  expect(await readRow(next.url)).toEqual(['kept']);
});

test('a second process adopts the running server, and brings it back when its owner stops', async () => {
  const dataDir = await newDataDir();
  const owner = startHolder(dataDir);
  const { url } = await owner.ready;
  await writeRow(url);
  const adopter = await start(dataDir);
  expect(adopter).toMatchObject({ url, adopted: true });
  const pid = await serverPid(dataDir);
  owner.child.stdin?.end();
  await waitFor(() => !isAlive(pid), { what: "the owner's server ending" });
  expect(await whenBack(url)).toEqual(['kept']);
  await adopter.stop();
  expect(await findServer(dataDir)).toBeUndefined();
});

test('an adopter that stops leaves the server to its owner', async () => {
  const dataDir = await newDataDir();
  const owner = await start(dataDir);
  await writeRow(owner.url);
  const adopter = await start(dataDir);
  expect(adopter.adopted).toBe(true);
  const pid = await serverPid(dataDir);
  await adopter.stop();
  expect(await readRow(owner.url)).toEqual(['kept']);
  expect(await serverPid(dataDir)).toBe(pid);
});

test('two processes that start at once on a new directory share one cluster', async () => {
  const dataDir = await unmadeDataDir();
  const other = startHolder(dataDir);
  const [ours, theirs] = await Promise.all([start(dataDir), other.ready]);
  expect(theirs.url).toBe(ours.url);
  expect([ours.adopted, theirs.adopted].sort()).toEqual([false, true]);
  expect(await readdir(join(dataDir, '..'))).toEqual(['postgres']);
});

test('a first start that was killed half-way leaves nothing that the next one trips over', async () => {
  const dataDir = await unmadeDataDir();
  const folder = join(dataDir, '..');
  const holder = startHolder(dataDir);
  const halfMade = () =>
    readdir(folder).then((names) => names.find((name) => name.startsWith('postgres.new-')));
  const name = await waitFor(halfMade, { what: 'the half-made cluster' });
  await waitFor(() => existsSync(join(folder, name, 'data', 'PG_VERSION')), { what: 'initdb writing' });
  holder.child.kill('SIGKILL');
  await waitFor(() => holder.child.signalCode, { what: 'the death of the first process' });
  expect(existsSync(dataDir)).toBe(false);
  const server = await start(dataDir);
  expect(await query(server.url, 'select 1')).toEqual([1]);
  expect(await readdir(folder)).toEqual(['postgres']);
});

test('a stale lock file whose number now belongs to another program does not stop the start', async () => {
  const dataDir = await newDataDir();
  const first = await start(dataDir);
  await writeRow(first.url);
  const lockFile = join(dataDir, 'postmaster.pid');
  const lines = (await readFile(lockFile, 'utf8')).split('\n');
  await first.stop();
  // PostgreSQL only minds programs of its own user.
  const stranger = spawn('sleep', ['60'], { ...(await clusterOwner(dataDir)), stdio: 'ignore' });
  cleanups.push(() => stranger.kill('SIGKILL'));
  await writeFile(lockFile, [stranger.pid, ...lines.slice(1)].join('\n'), { mode: 0o600 });
  const owner = await stat(dataDir);
  await chown(lockFile, owner.uid, owner.gid);
  const second = await start(dataDir);
  expect(await readRow(second.url)).toEqual(['kept']);
  expect(stranger.exitCode).toBeNull();
});

/** What a server leaves that was killed, or lost its power, before it had written its lock file. */
async function leaveRemnant(dataDir: string, content: string): Promise<string> {
  const lockFile = join(dataDir, 'postmaster.pid');
  await writeFile(lockFile, content, { mode: 0o600 });
  const owner = await stat(dataDir);
  await chown(lockFile, owner.uid, owner.gid);
  return lockFile;
}

test.each([
  ['nothing', ''],
  ['zeros', '\0'.repeat(64)],
])('a lock file that holds %s does not stop the start', async (_what, content) => {
  const dataDir = await newDataDir();
  await leaveRemnant(dataDir, content);
  const log = newLog();
  const server = await start(dataDir, { log });
  expect(await query(server.url, 'select 1')).toEqual([1]);
  expect(log.lines.join('\n')).toContain('removed the lock file of an embedded PostgreSQL');
});

test('a server that is killed as it begins to start is back by itself', async () => {
  const dataDir = await newDataDir();
  const server = await start(dataDir);
  await writeRow(server.url);
  process.kill(await serverPid(dataDir), 'SIGKILL');
  await leaveRemnant(dataDir, '');
  expect(await whenBack(server.url)).toEqual(['kept']);
});

test('an empty lock file stays while a server may be about to write it', async () => {
  const dataDir = await newDataDir();
  const lockFile = await leaveRemnant(dataDir, '');
  const idle = ['-e', 'setTimeout(() => {}, 60_000)', '--', '-D', dataDir];
  const beginning = spawn(process.execPath, idle, { argv0: 'postgres', stdio: 'ignore' });
  cleanups.push(() => beginning.kill('SIGKILL'));
  expect(await removeRemnant(dataDir, new AbortController().signal)).toBe(false);
  expect((await stat(lockFile)).size).toBe(0);
  beginning.kill('SIGKILL');
  await waitFor(() => beginning.signalCode !== null);
  expect(await removeRemnant(dataDir, new AbortController().signal)).toBe(true);
  // One that runs without clients says so by a negative number.
  await leaveRemnant(dataDir, '-4711\n');
  expect(await removeRemnant(dataDir, new AbortController().signal)).toBe(false);
});

test('library links that npm did not make are made, by several processes at once', async () => {
  const { nativeDir } = await locateBinaries();
  const copy = join(await newFolder(), 'native');
  await copyFolder(nativeDir, copy);
  const links = JSON.parse(await readFile(join(copy, 'pg-symlinks.json'), 'utf8')) as { target: string }[];
  expect(links.length).toBeGreaterThan(0);
  for (const { target } of links) await rm(join(copy, '..', target));
  await Promise.all(Array.from({ length: 4 }, () => locateBinaries(copy)));
  for (const { target } of links) {
    expect(await readlink(join(copy, '..', target))).toBe(await readlink(join(nativeDir, '..', target)));
  }
  const server = await start(await newDataDir(), { nativeDir: copy });
  expect(await query(server.url, 'select 1')).toEqual([1]);
});

test('when another program took the port, another port is chosen and remembered', async () => {
  const dataDir = await newDataDir();
  const first = await start(dataDir);
  await writeRow(first.url);
  await first.stop();
  const squatter = createServer();
  await new Promise<void>((resolve) =>
    squatter.listen(Number(new URL(first.url).port), '127.0.0.1', resolve),
  );
  cleanups.push(() => squatter.close());
  const log = newLog();
  const second = await start(dataDir, { log });
  expect(second.url).not.toBe(first.url);
  expect(await readRow(second.url)).toEqual(['kept']);
  expect(log.lines.join('\n')).toContain('another program uses the embedded PostgreSQL port');
  await second.stop();
  squatter.close();
  expect((await start(dataDir)).url).toBe(second.url);
});

test('root hands the cluster to another user, without privileges where that user can reach it', async (context) => {
  context.skip(!isRoot, 'needs root');
  const dataDir = await newDataDir();
  await chmod(join(dataDir, '..'), 0o711);
  const { nativeDir } = await locateBinaries();
  context.skip(!isReachable(nativeDir), 'the repository lies where only root can go');
  await start(dataDir);
  const pid = await serverPid(dataDir);
  expect(await statusField(pid, 'Uid')).not.toMatch(/^0\b/);
  expect(await statusField(pid, 'CapEff')).toMatch(/^0+$/);
});

test('root hands over also below a closed directory, with one capability and no changed mode', async (context) => {
  context.skip(!isRoot, 'needs root');
  context.skip(process.platform !== 'linux', 'needs the capabilities of Linux');
  const closed = await newFolder();
  expect((await stat(closed)).mode & 0o777).toBe(0o700);
  const nativeDir = join(closed, 'node_modules', 'native');
  await mkdir(join(nativeDir, '..'));
  await copyFolder((await locateBinaries()).nativeDir, nativeDir);
  await chmod(nativeDir, 0o700);
  const dataDir = join(closed, '.posthorn', 'postgres');
  const server = await start(dataDir, { nativeDir });
  await writeRow(server.url);
  const pid = await serverPid(dataDir);
  expect(await statusField(pid, 'Uid')).not.toMatch(/^0\b/);
  const held = Number.parseInt(await statusField(pid, 'CapEff'), 16);
  // Bit 1 is dac_override, bit 2 dac_read_search.
  expect([1 << 1, 1 << 2]).toContain(held);
  process.kill(pid, 'SIGKILL');
  expect(await whenBack(server.url)).toEqual(['kept']);
  for (const path of [closed, nativeDir]) {
    expect(await stat(path)).toMatchObject({ uid: 0, mode: 0o40_700 });
  }
});

test('a normal user runs the server as themselves, and root then runs it as that user', async (context) => {
  context.skip(!isRoot, 'needs root to become another user');
  context.skip(!isReachable(cluster.pathname), 'the repository lies where only root can go');
  const dataDir = await unmadeDataDir();
  await chown(join(dataDir, '..'), nobody, nobody);
  const holder = startHolder(dataDir, nobody);
  const { url } = await holder.ready;
  await writeRow(url);
  const pid = await serverPid(dataDir);
  expect(await statusField(pid, 'Uid')).toMatch(new RegExp(`^${nobody}\\b`));
  holder.child.stdin?.end();
  await waitFor(() => holder.child.exitCode === 0, { what: 'the end of the first process' });
  const server = await start(dataDir);
  expect(await readRow(server.url)).toEqual(['kept']);
  expect(await statusField(await serverPid(dataDir), 'Uid')).toMatch(new RegExp(`^${nobody}\\b`));
});

function isReachable(path: string): boolean {
  return spawnSync('/bin/sh', ['-c', 'test -r "$1"', 'sh', path], { uid: nobody, gid: nobody }).status === 0;
}

async function failure(starting: Promise<unknown>): Promise<string> {
  const error = await starting.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EmbeddedPostgresError);
  return (error as EmbeddedPostgresError).message;
}

test('a platform without binaries is refused with the way out', async () => {
  const message = await failure(locateBinaries(undefined, { platform: 'win32', arch: 'x64' }));
  expect(message).toContain('win32-x64');
  expect(message).toContain('set DATABASE_URL');
});

test('binaries that cannot run are refused with the way out', async () => {
  const dataDir = await unmadeDataDir();
  const message = await failure(start(dataDir, { nativeDir: join(dataDir, '..', 'missing') }));
  expect(message.split('\n')).toHaveLength(1);
  expect(message).toContain('set DATABASE_URL');
  expect(await readdir(join(dataDir, '..'))).toEqual([]);
});

test('a directory with other files is refused and left as it is', async () => {
  const dataDir = await unmadeDataDir();
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'diary.txt'), 'mine');
  expect(await failure(start(dataDir))).toContain('it holds other files and no PostgreSQL cluster');
  expect(await readdir(dataDir)).toEqual(['diary.txt']);
});

test('a cluster of another major version is refused, and both versions are named', async () => {
  const dataDir = await unmadeDataDir();
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'PG_VERSION'), '17\n');
  const message = await failure(start(dataDir));
  expect(message).toContain('PostgreSQL 17');
  expect(message).toContain('PostgreSQL 18');
});

test('a server that cannot start is reported with its own last words', async () => {
  const dataDir = await newDataDir();
  const early = await failure(start(dataDir, { settings: { ...fast, shared_buffers: 'plenty' } }));
  expect(early).toContain('invalid value for parameter "shared_buffers": "plenty"');
  // This one fails after the server has turned to its log file.
  await writeFile(join(dataDir, 'pg_hba.conf'), 'nonsense\n');
  const late = await failure(start(dataDir));
  expect(late).toContain('could not load');
  expect(await findServer(dataDir)).toBeUndefined();
});

test('a data directory that cannot be made is reported in one line', async () => {
  const folder = await newFolder();
  await writeFile(join(folder, 'file'), '');
  const message = await failure(start(join(folder, 'file', 'postgres')));
  expect(message.split('\n')).toHaveLength(1);
  expect(message).toContain('cannot be made');
});
