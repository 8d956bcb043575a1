// The package as it is published: no imports, only web globals, and a README whose code runs.
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generateHmacSecret, sign } from '../src/index.ts';
import { buildPackage, packageFolder } from './support/built-package.ts';
import type { BuiltPackage } from './support/built-package.ts';

const run = promisify(execFile);
const anySpecifier = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*['"]([^'"\s]+)['"]/g;
let built: BuiltPackage;

beforeAll(async () => {
  built = await buildPackage();
  const readme = await readFile(join(packageFolder, 'README.md'), 'utf8');
  for (const [, name = '', code = ''] of readme.matchAll(/```js\n\/\/ (\S+\.mjs)\n(.*?)```/gs)) {
    await writeFile(join(built.folder, name), code);
  }
});

afterAll(() => built.remove());

async function specifiersIn(folder: string, ending: string): Promise<string[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(ending));
  expect(names.length).toBeGreaterThan(3);
  const sources = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return sources.flatMap((source) =>
    Array.from(source.matchAll(anySpecifier), ([, specifier = '']) => specifier),
  );
}

it('imports nothing but its own files', async () => {
  for (const [folder, ending] of [
    [join(packageFolder, 'src'), '.ts'],
    [built.modules, '.js'],
  ] as const) {
    const specifiers = await specifiersIn(folder, ending);
    expect(specifiers.length).toBeGreaterThan(3);
    expect(specifiers.filter((specifier) => !/^\.{1,2}\//.test(specifier))).toEqual([]);
  }
  const manifest = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  expect(Object.keys(manifest).filter((field) => /dependencies/i.test(field))).toEqual([]);
});

it('runs with only the globals of the web', async () => {
  const script = fileURLToPath(new URL('./support/run-in-bare-realm.mjs', import.meta.url));
  const { stdout } = await run(process.execPath, ['--experimental-vm-modules', script, built.modules]);
  expect(JSON.parse(stdout)).toEqual({
    globals: 'undefined,undefined,undefined,undefined',
    verdicts: ['passed', 'passed', 'mismatch'],
  });
});

async function freePort(): Promise<number> {
  for (let port = 21_000 + (process.pid % 5000); port < 32_768; port += 1) {
    const probe = createServer();
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    await new Promise((closed) => probe.close(closed));
    return port;
  }
  throw new Error('no free port');
}

async function startReceiver(env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const receiver = spawn(process.execPath, [join(built.folder, 'receive.mjs')], { env });
  const first = await Promise.race([once(receiver.stdout, 'data'), once(receiver.stderr, 'data')]);
  expect(String(first[0])).toContain('listening');
  return receiver;
}

it('has a README whose receiver takes what its sender sends, and nothing else', async () => {
  const port = await freePort();
  const env = { ...process.env, PORT: String(port), WEBHOOK_SECRET: generateHmacSecret() };
  const receiver = await startReceiver(env);
  try {
    const sent = await run(process.execPath, [join(built.folder, 'send.mjs')], { env });
    expect(sent.stdout).toBe('204\n');

    const url = `http://127.0.0.1:${port}/`;
    const unsigned = await fetch(url, { method: 'POST', body: '{}' });
    expect(unsigned.status).toBe(400);
    const timestamp = Math.floor(Date.now() / 1000);
    const headers = await sign({ id: 'msg_1', timestamp, body: '{}', secrets: generateHmacSecret() });
    expect((await fetch(url, { method: 'POST', headers, body: '{}' })).status).toBe(400);
    expect((await fetch(url, { method: 'POST', body: 'x'.repeat(1024 * 1024 + 1) })).status).toBe(413);
  } finally {
    receiver.kill();
    await once(receiver, 'exit');
  }
});

it('has a README whose secrets verify', async () => {
  const { stdout } = await run(process.execPath, [join(built.folder, 'secrets.mjs')]);
  expect(stdout).toBe('true\n');
});

it.each([
  ['cloudevents.mjs', 'in_1'],
  ['http-signatures.mjs', 'true'],
  ['testing.mjs', 'stale'],
])('has a README whose %s prints %s', async (name, printed) => {
  const { stdout } = await run(process.execPath, [join(built.folder, name)]);
  expect(stdout).toBe(`${printed}\n`);
});

it('has a README that names every reason and every exported function', async () => {
  const readme = await readFile(join(packageFolder, 'README.md'), 'utf8');
  const verdict = await readFile(join(packageFolder, 'src', 'verdict.ts'), 'utf8');
  const reasons = Array.from(verdict.matchAll(/^ {2}\| '([a-z-]+)'/gm), ([, reason = '']) => reason);
  expect(reasons.length).toBeGreaterThan(5);
  const exported = Object.keys(await import('../src/index.ts'));
  for (const word of [...reasons, ...exported]) expect(readme).toContain(word);
});
