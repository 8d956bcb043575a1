// `posthorn token` on a real database: scopes as they are typed, stored and shown.
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exitCodes } from '../src/cli/exit-codes.ts';
import type { Io } from '../src/cli/io.ts';
import { runProgram } from '../src/cli/program.ts';
import { request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

let posthorn: TestApi;
beforeAll(async () => {
  posthorn = await startTestApi();
});
afterAll(() => posthorn.stop());

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const io: Io = {
    env: {},
    cwd: '/',
    pid: 1,
    isAlive: () => false,
    stdin: Readable.from([]),
    stdout: { write: (text: string) => void (written.out += text) },
    stderr: { write: (text: string) => void (written.err += text) },
    json: false,
    verbose: false,
    paint: (_, text) => text,
    onSignal: () => () => {},
  };
  const code = await runProgram(['token', ...args, '--database-url', posthorn.databaseUrl], io);
  return { code, ...written };
}

async function statusWith(token: string, method: string, path: string, body?: unknown): Promise<number> {
  return (await request({ url: posthorn.url, token: token.trim() }, method, path, body)).status;
}

test('a token has the scopes that were typed, all of them when none was', async () => {
  const narrow = await run('create', '--name', 'narrow', '--scope', 'read', '--scope', 'publish');
  expect(narrow.code).toBe(exitCodes.ok);
  expect(await statusWith(narrow.out, 'GET', '/api/v1/app')).toBe(200);
  expect(await statusWith(narrow.out, 'POST', '/api/v1/app', { name: 'x' })).toBe(403);
  const wide = await run('create', '--name', 'wide');
  expect(await statusWith(wide.out, 'POST', '/api/v1/app', { name: 'x' })).toBe(201);
  const { out } = await run('list');
  expect(out).toMatch(/ narrow +read,publish /);
  expect(out).toMatch(/ wide +manage /);
});

test('a scope that there is not is refused, and nothing is made', async () => {
  const before = await run('list');
  const { code, err } = await run('create', '--scope', 'write');
  expect(code).toBe(exitCodes.usage);
  expect(err).toBe("error: --scope 'write' is not a scope. fix: use one of: read, publish, manage\n");
  expect(await run('list')).toEqual(before);
});
