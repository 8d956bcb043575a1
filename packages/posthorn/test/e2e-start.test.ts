// Starts that must not succeed, and stops before there was a start.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { createTestDatabase } from './support/database.ts';
import { startDatabaseGate } from './support/database-gate.ts';
import { endAllPosthorn, startPosthorn } from './support/posthorn-process.ts';
import { waitFor } from './support/wait.ts';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const running = new Set<ChildProcess>();
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  await endAllPosthorn();
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function run(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program, ...args], { env: { PATH: process.env.PATH, ...env } });
  running.add(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += String(chunk);
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  void ended.then(() => running.delete(child));
  return { child, output, ended };
}

const otherKey = Buffer.alloc(32, 7).toString('base64');

test('a process with another secret key is refused, also while the database holds no secret yet', async () => {
  const database = await createTestDatabase();
  cleanups.push(database.drop);
  await startPosthorn(database.url);
  const env = { DATABASE_URL: database.url, POSTHORN_SECRET_KEY: otherKey };
  const { ended, output } = run(['serve', '--port', '0'], env);
  expect(await ended).toBe(2);
  expect(output.stderr).toContain(
    'error: this database is sealed with another secret key. fix: set POSTHORN_SECRET_KEY',
  );
});

test.each([1, 2])('SIGTERM ends the wait for PostgreSQL, with %i processes', async (processes) => {
  const env = { DATABASE_URL: 'postgres://x:y@127.0.0.1:9/x', POSTHORN_SECRET_KEY: otherKey };
  const { child, ended, output } = run(['serve', '--port', '0', '--processes', String(processes)], env);
  await waitFor(() => output.stderr.includes('waiting for PostgreSQL'), {
    what: 'the wait',
  });
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test.each([1, 2])(
  'PostgreSQL that goes away during the start is waited for, with %i processes',
  async (processes) => {
    const database = await createTestDatabase();
    cleanups.push(database.drop);
    // The first connection migrates; then there is nothing behind the gate.
    const gate = await startDatabaseGate(database.url, 1);
    cleanups.push(gate.stop);
    const env = { DATABASE_URL: gate.url, POSTHORN_SECRET_KEY: otherKey };
    const args = ['serve', '--json', '--port', '0', '--processes', String(processes)];
    const { child, ended, output } = run(args, env);
    await waitFor(() => output.stderr.includes('waiting for PostgreSQL'), {
      what: 'the wait',
    });
    expect(gate.count()).toBeGreaterThan(1);
    gate.open();
    await waitFor(() => output.stdout.trimEnd().endsWith('}'), { what: 'being ready' });
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  },
);

test('a server process that starts while PostgreSQL is away waits, and the others serve on', async () => {
  const database = await createTestDatabase();
  cleanups.push(database.drop);
  const gate = await startDatabaseGate(database.url);
  cleanups.push(gate.stop);
  const posthorn = await startPosthorn(gate.url, {}, { flags: ['--processes', '2'] });
  gate.shut();
  await waitFor(() => posthorn.log().includes('PostgreSQL is away'), {
    what: 'the outage',
  });
  const worker = Number(/"pid":(\d+)[^\n]*PostgreSQL is away/.exec(posthorn.log())?.[1]);
  expect(worker).not.toBe(posthorn.pid);
  process.kill(worker, 'SIGKILL');
  await waitFor(() => posthorn.log().includes('waiting for PostgreSQL'), {
    what: 'the wait',
  });
  expect((await fetch(`${posthorn.url}/api/v1/health/ping`)).status).toBe(204);
  gate.open();
  await waitFor(() => posthorn.log().includes('PostgreSQL works again'), {
    what: 'the end of the outage',
  });
  await posthorn.client.application.create({ name: 'Acme' });
  expect(await posthorn.end('SIGTERM')).toBe(0);
});

test('a second development server in the same folder is refused, and the first one stays as it is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-start-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const args = ['dev', '--port', '0', '--data-dir', folder];
  const first = run([...args, '--json']);
  const { url } = await waitFor(
    () => first.output.stdout.trimEnd().endsWith('}') && (JSON.parse(first.output.stdout) as { url: string }),
    { what: 'the first server' },
  );
  const second = run(args);
  expect(await second.ended).toBe(5);
  expect(second.output.stderr).toContain(`error: Posthorn already runs in this folder, at ${url}`);
  const sent = run([
    'send',
    '--app',
    'demo',
    '--type',
    'user.created',
    '--payload',
    '{}',
    '--wait',
    '--data-dir',
    folder,
  ]);
  expect(await sent.ended).toBe(0);
  first.child.kill('SIGINT');
  expect(await first.ended).toBe(0);
});
