// The package as it is published: no imports, only web globals, types that hold, and a README whose code runs.
import { execFile, spawn } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { generateHmacSecret, sign } from '../src/index.ts';
import { buildPackage, compiler, packageFolder } from './support/built-package.ts';
import type { BuiltPackage } from './support/built-package.ts';
import { startChild } from './support/child-server.ts';
import { freePort } from './support/ports.ts';
import { writeExamples } from './support/readme.ts';
import { runtimeBinary } from './support/runtime-binaries.ts';
import {
  githubRequest,
  githubSecret,
  post,
  slackRequest,
  stripeRequest,
  stripeSecret,
} from './support/signed-requests.ts';
import type { SignedRequest } from './support/signed-requests.ts';
import { startWorker } from './support/workerd-server.ts';

// Compilers and other runtimes are started here, on machines that do other things too.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const run = promisify(execFile);
const anySpecifier = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*['"]([^'"\s]+)['"]/g;
const slackSecret = 'slack-signing-secret';
const env = {
  ...process.env,
  STRIPE_SECRET: stripeSecret,
  GITHUB_SECRET: githubSecret,
  SLACK_SECRET: slackSecret,
  HUB_SECRET: githubSecret,
};
const paid = { id: 'evt_1', type: 'invoice.paid', data: { object: { id: 'in_1', amount_paid: 1_250 } } };
const executed = new Set<string>();
let built: BuiltPackage;
let examples: string[];

beforeAll(async () => {
  built = await buildPackage();
  examples = await writeExamples(built.folder);
});

afterAll(() => built.remove());

/** The path of an example, which counts as executed from now on. */
function example(name: string): string {
  executed.add(name);
  return join(built.folder, name);
}

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
    received: ['204 evt_1', '401'],
  });
});

describe('a README whose servers', () => {
  it.each([
    ['server.mjs', () => process.execPath, []],
    ['express.mjs', () => process.execPath, []],
    ['fastify.mjs', () => process.execPath, []],
    ['hono.mjs', () => process.execPath, []],
    ['koa.mjs', () => process.execPath, []],
    ['bun.mjs', () => runtimeBinary('bun'), []],
    [
      'deno.mjs',
      () => runtimeBinary('deno'),
      ['run', '--quiet', '--no-lock', '--node-modules-dir=manual', '-A'],
    ],
  ] as const)('take what providers send, and nothing else: %s', async (name, command, args) => {
    executed.add('receiver.mjs');
    const port = String(await freePort());
    const server = await startChild(command(), [...args, example(name)], {
      cwd: built.folder,
      env: { ...env, PORT: port },
      ready: 'listening',
    });
    try {
      const url = `http://127.0.0.1:${port}/webhooks`;
      for (let copy = 0; copy < 2; copy += 1) {
        expect((await post(`${url}/billing`, stripeRequest(paid))).status).toBe(204);
      }
      expect(
        (await post(`${url}/billing`, stripeRequest({ id: 'evt_2', type: 'customer.created' }))).status,
      ).toBe(204);
      expect((await post(`${url}/code`, githubRequest({ ref: 'refs/heads/main' }))).status).toBe(204);
      expect((await post(`${url}/code`, githubRequest({}, { secret: 'another' }))).status).toBe(401);
      expect((await post(`${url}/other`, stripeRequest(paid))).status).toBe(404);
      expect((await fetch(`${url}/billing`)).status).toBe(405);
      await server.printed('refs/heads/main 25 bytes');
      expect(server.output().split('paid in_1')).toHaveLength(2);
      expect(server.output()).toContain('customer.created evt_2');
    } finally {
      await server.stop();
    }
  });

  it('run in workerd, and find duplicates by KV: worker.mjs', async () => {
    example('worker.mjs');
    const worker = await startWorker(built, 'worker.mjs', {
      env: { STRIPE_SECRET: stripeSecret },
      kv: ['SEEN', 'INVOICES'],
    });
    const kv = async (key: string) => (await fetch(`${worker.kvUrl}/${encodeURIComponent(key)}`)).text();
    try {
      const url = `${worker.url}/webhooks/billing`;
      expect((await post(url, stripeRequest(paid))).status).toBe(204);
      expect([await kv('in_1'), await kv('webhooks:billing:evt_1')]).toEqual(['paid', 'done']);
      await fetch(`${worker.kvUrl}/in_1`, { method: 'PUT', body: 'as it was' });
      expect((await post(url, stripeRequest(paid))).status).toBe(204);
      expect(await kv('in_1')).toBe('as it was');
      expect((await post(url, stripeRequest(paid, 'whsec_other'))).status).toBe(401);
    } finally {
      await worker.stop();
    }
  });
});

it('runs in workerd with the environment of each request, and works on after the answer', async () => {
  const script = `import { toWorker } from '@posthorn/webhooks/adapters/workers';
import { stripe } from '@posthorn/webhooks/providers/stripe';
import { createReceiver } from '@posthorn/webhooks/receiver';
const receiver = createReceiver();
receiver
  .source('billing', stripe, { secrets: ({ env }) => env.STRIPE_SECRET, answerFirst: true })
  .on('*', async (event, { env }) => {
    await env.KV.put(event.id, event.type);
    console.log('kept ' + event.id);
  });
export default toWorker(receiver);
`;
  await writeFile(join(built.folder, 'own-worker.mjs'), script);
  const worker = await startWorker(built, 'own-worker.mjs', {
    env: { STRIPE_SECRET: stripeSecret },
    kv: ['KV'],
  });
  try {
    expect((await post(`${worker.url}/billing`, stripeRequest(paid))).status).toBe(204);
    await worker.printed('kept evt_1');
    expect(await (await fetch(`${worker.kvUrl}/evt_1`)).text()).toBe('invoice.paid');
  } finally {
    await worker.stop();
  }
});

describe('a README whose functions', () => {
  const caller = fileURLToPath(new URL('./support/call-example.mjs', import.meta.url));

  /** `path` is asked by GET when there is no request. */
  async function call(
    name: string,
    shape: string,
    { path, request, more = {} }: { path: string; request?: SignedRequest; more?: NodeJS.ProcessEnv },
  ) {
    const asked = {
      url: `https://example.com${path}`,
      method: request === undefined ? 'GET' : 'POST',
      headers: request?.headers ?? {},
      body: request?.body ?? '',
    };
    const child = spawn(process.execPath, [caller, example(name), shape], { env: { ...env, ...more } });
    const printed = ['', ''];
    for (const [index, stream] of [child.stdout, child.stderr].entries()) {
      stream.on('data', (chunk: Buffer) => (printed[index] += chunk.toString()));
    }
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdin.end(JSON.stringify(asked));
    await ended;
    const [lines = [], errors = []] = printed.map((text) => text.split('\n').filter((line) => line !== ''));
    const result = JSON.parse(lines.pop() ?? '') as { status: number; text: string; config?: unknown };
    return { ...result, printed: [...lines, ...errors].join('\n') };
  }

  it.each([
    ['next-route.mjs', 'route'],
    ['next-pages.mjs', 'pages'],
    ['sveltekit.mjs', 'sveltekit'],
    ['lambda.mjs', 'lambda'],
    ['cloud-function.mjs', 'function'],
    ['azure-function.mjs', 'azure'],
  ])('take what Stripe sends, and nothing else: %s', async (name, shape) => {
    const path = '/webhooks/billing';
    const taken = await call(name, shape, { path, request: stripeRequest(paid) });
    expect(taken).toMatchObject({ status: 204, printed: expect.stringContaining('paid in_1') });
    const forged = await call(name, shape, { path, request: stripeRequest(paid, 'whsec_other') });
    expect(forged).toMatchObject({ status: 401, text: '', printed: '' });
    if (shape === 'pages') expect(taken.config).toEqual({ api: { bodyParser: false } });
  });

  it('handle an event once, by the database: dedupe.mjs', async () => {
    const database = new pg.Client({ connectionString: inject('postgresUrl') });
    await database.connect();
    const schema = `readme_${process.pid}`;
    try {
      await database.query(`create schema ${schema}; create table ${schema}.pushes (ref text)`);
      const url = new URL(inject('postgresUrl'));
      url.searchParams.set('options', `-c search_path=${schema}`);
      const more = { DATABASE_URL: url.href };
      for (let copy = 0; copy < 2; copy += 1) {
        const request = githubRequest({ ref: 'refs/heads/main' });
        expect(await call('dedupe.mjs', 'fetch', { path: '/code', request, more })).toMatchObject({
          status: 204,
        });
      }
      const { rows } = await database.query(`select ref from ${schema}.pushes`);
      expect(rows).toEqual([{ ref: 'refs/heads/main' }]);
    } finally {
      await database.query(`drop schema if exists ${schema} cascade`);
      await database.end();
    }
  });

  it('check payloads: schemas.mjs', async () => {
    const check = (event: { id: string; type: string }) =>
      call('schemas.mjs', 'fetch', { path: '/billing', request: stripeRequest(event) });
    expect(await check(paid)).toMatchObject({ status: 204, printed: '12.5' });
    expect(await check({ id: 'evt_1', type: 'invoice.paid' })).toMatchObject({ status: 422, printed: '' });
  });

  it('work after the answer, and tell what failed then: later.mjs', async () => {
    const mention = { type: 'event_callback', event_id: 'Ev1', event: { type: 'app_mention' } };
    const request = slackRequest(mention, slackSecret);
    const answer = await call('later.mjs', 'fetch', { path: '/chat', request });
    expect(answer).toMatchObject({ status: 204, printed: 'thinking\nhandle too hard' });
  });

  it('answer handshakes: handshakes.mjs', async () => {
    const request = slackRequest({ type: 'url_verification', challenge: 'abc' }, slackSecret);
    const slackAnswer = await call('handshakes.mjs', 'fetch', { path: '/chat', request });
    expect(slackAnswer).toMatchObject({ status: 200, text: '{"challenge":"abc"}' });
    const topic = encodeURIComponent('https://example.com/feed.xml');
    const path = `/feed?hub.mode=subscribe&hub.challenge=abc&hub.topic=${topic}`;
    expect(await call('handshakes.mjs', 'fetch', { path })).toMatchObject({ status: 200, text: 'abc' });
  });
});

it('has types that a program without our conditions sees, and can add to', async () => {
  example('events.d.ts');
  const program = `import { createReceiver } from '@posthorn/webhooks/receiver';
import { toWorker } from '@posthorn/webhooks/adapters/workers';
import { stripe } from '@posthorn/webhooks/providers/stripe';
const receiver = createReceiver<{ KEY: string }>();
receiver.source('billing', stripe, { secrets: ({ env }) => env?.KEY })
  .on('invoice.paid', ({ payload }) => payload.data.object.amount_paid.toFixed(2))
  .on('customer.created', ({ payload }, { env }) => payload.data.object.email + env.KEY);
export default toWorker(receiver);
`;
  await writeFile(join(built.folder, 'program.ts'), program);
  const wrong = program.replace('amount_paid', 'no_such_field');
  const check = async (source: string) => {
    await writeFile(join(built.folder, 'program.ts'), source);
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--lib',
      'es2023,webworker',
      '--types',
      '',
    ];
    return run(process.execPath, [compiler, ...options, 'program.ts', 'events.d.ts'], { cwd: built.folder });
  };
  await expect(check(program)).resolves.toMatchObject({ stdout: '' });
  await expect(check(wrong)).rejects.toMatchObject({ stdout: expect.stringContaining('no_such_field') });
});

it('has a README whose verifier takes what its sender sends, and nothing else', async () => {
  const port = await freePort();
  const own = { ...process.env, PORT: String(port), WEBHOOK_SECRET: generateHmacSecret() };
  const verifier = await startChild(process.execPath, [example('verify.mjs')], {
    cwd: built.folder,
    env: own,
    ready: 'listening',
  });
  try {
    const sent = await run(process.execPath, [example('send.mjs')], { env: own });
    expect(sent.stdout).toBe('204\n');

    const url = `http://127.0.0.1:${port}/`;
    const unsigned = await fetch(url, { method: 'POST', body: '{}' });
    expect(unsigned.status).toBe(400);
    const timestamp = Math.floor(Date.now() / 1000);
    const headers = await sign({ id: 'msg_1', timestamp, body: '{}', secrets: generateHmacSecret() });
    expect((await fetch(url, { method: 'POST', headers, body: '{}' })).status).toBe(400);
    expect((await fetch(url, { method: 'POST', body: 'x'.repeat(1024 * 1024 + 1) })).status).toBe(413);
  } finally {
    await verifier.stop();
  }
});

it('has a README whose secrets verify', async () => {
  const { stdout } = await run(process.execPath, [example('secrets.mjs')]);
  expect(stdout).toBe('true\n');
});

it.each([
  ['cloudevents.mjs', 'in_1'],
  ['http-signatures.mjs', 'true'],
  ['testing.mjs', 'stale'],
])('has a README whose %s prints %s', async (name, printed) => {
  const { stdout } = await run(process.execPath, [example(name)]);
  expect(stdout).toBe(`${printed}\n`);
});

it('has a README that names every reason, option and exported function', async () => {
  const readme = await readFile(join(packageFolder, 'README.md'), 'utf8');
  const words: string[] = [];
  for (const file of ['verdict.ts', 'receiver/rejection.ts']) {
    const source = await readFile(join(packageFolder, 'src', file), 'utf8');
    const reasons = Array.from(source.matchAll(/^ {2}\| '([a-z-]+)'/gm), ([, reason = '']) => reason);
    expect(reasons.length).toBeGreaterThan(4);
    words.push(...reasons);
  }
  const options = await readFile(join(packageFolder, 'src', 'receiver', 'source-parts.ts'), 'utf8');
  const fields = Array.from(options.matchAll(/^ {2,4}readonly ([a-zA-Z]+)\?:/gm), ([, field = '']) => field);
  expect(fields.length).toBeGreaterThan(10);
  const entries = ['index.ts', 'receiver/index.ts'];
  for (const folder of ['adapters', 'dedupe']) {
    const files = await readdir(join(packageFolder, 'src', folder));
    expect(files.length).toBeGreaterThan(3);
    entries.push(...files.map((file) => `${folder}/${file}`));
  }
  for (const entry of entries) {
    const file = new URL(`../src/${entry}`, import.meta.url).href;
    words.push(...Object.keys((await import(file)) as object));
  }
  expect([...words, ...fields].filter((word) => !readme.includes(word))).toEqual([]);
});

it('exports every adapter, store and provider under the name of its file', async () => {
  const files: Record<string, string> = {};
  for (const folder of ['adapters', 'dedupe', 'providers']) {
    const names = (await readdir(join(built.modules, folder))).filter((name) => name.endsWith('.js'));
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) {
      files[`@posthorn/webhooks/${folder}/${name.slice(0, -3)}`] = pathToFileURL(
        join(built.modules, folder, name),
      ).href;
    }
  }
  const resolve = `const specifiers = ${JSON.stringify(Object.keys(files))};
    const found = specifiers.map((each) => [each, import.meta.resolve(each)]);
    console.log(JSON.stringify(Object.fromEntries(found)));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', resolve], {
    cwd: built.folder,
  });
  expect(JSON.parse(stdout)).toEqual(files);
});

it('has executed every example of its README', () => {
  expect([...executed].sort()).toEqual([...examples].sort());
});
