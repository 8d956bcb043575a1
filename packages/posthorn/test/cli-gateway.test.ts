// `posthorn source` and `posthorn apply`, as people type them, on a real server.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateEd25519Secret } from '@posthorn/webhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from './support/database.ts';
import type { TestDatabase } from './support/database.ts';
import { gatewayClient, githubSecret } from './support/gateway.ts';
import type { GatewayClient, Source } from './support/gateway.ts';
import { endAllPosthorn, startPosthorn, testToken } from './support/posthorn-process.ts';
import type { PosthornProcess } from './support/posthorn-process.ts';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

// Each of them starts a dozen processes.
const timeout = 180_000;

let database: TestDatabase;
let posthorn: PosthornProcess;
let gateway: GatewayClient;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  posthorn = await startPosthorn(database.url);
  gateway = gatewayClient(posthorn);
  folder = await mkdtemp(join(tmpdir(), 'posthorn-apply-'));
});
afterAll(async () => {
  await endAllPosthorn();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => rm(join(folder, 'posthorn.yaml'), { force: true }));

interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const settings = { POSTHORN_SERVER_URL: posthorn.url, POSTHORN_TOKEN: testToken, ...env };
    const child = execFile(
      process.execPath,
      [program, ...args],
      { cwd: folder, env: { PATH: process.env.PATH, ...settings } },
      (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

const write = (text: string) => writeFile(join(folder, 'posthorn.yaml'), text);
const sourceOf = async (uid: string) =>
  (await gateway.api('GET', `/ingest/api/v1/source/${uid}`)).body as unknown as Source &
    Record<string, unknown>;

describe('posthorn source', { timeout }, () => {
  test('makes one that takes requests, shows them, and has again what was refused', async () => {
    const created = await run(['source', 'create', 'by-hand', '--type', 'github', '--to', 'https://x.test/']);
    expect(created).toMatchObject({ code: 0, stderr: '' });
    const [, ingestUrl = '', secret = ''] = /^URL +(\S+)\nSecret +(\S+)\n$/.exec(created.stdout) ?? [];
    const source = await sourceOf('by-hand');
    expect(ingestUrl).toBe(source.ingestUrl);
    expect((await gateway.push(source, { secret })).status).toBe(204);
    expect((await gateway.push(source, { secret: githubSecret })).status).toBe(401);
    const listed = await run(['source', 'requests', 'by-hand', '--verdict', 'rejected']);
    expect(listed.stdout).toMatch(/^req_\S+ +\S+ +rejected +POST +\d+ B +mismatch /);
    expect((await run(['source', 'replay', 'by-hand'])).code).toBe(5);
    await gateway.api('PATCH', '/ingest/api/v1/source/by-hand', { config: { secret: githubSecret } });
    const replayed = await run(['source', 'replay', 'by-hand', '--json']);
    expect(replayed.code).toBe(0);
    expect(JSON.parse(replayed.stdout)).toMatchObject({ replayed: [{ verdict: 'accepted' }] });
    expect((await run(['source', 'list'])).stdout).toContain('by-hand');
    const rotated = await run(['source', 'rotate-url', 'by-hand']);
    expect(rotated.stdout.trim()).toBe((await sourceOf('by-hand')).ingestUrl);
    expect((await run(['source', 'delete', 'by-hand'])).code).toBe(0);
    expect((await run(['source', 'requests', 'by-hand'])).code).toBe(4);
  });

  test('gives its endpoint an order', async () => {
    const args = ['source', 'create', 'in-order', '--type', 'shopify', '--to', 'https://x.test/'];
    const ordering = async () =>
      (await gateway.api('GET', '/ingest/api/v1/source/in-order/endpoint/main')).body.ordering;
    expect((await run([...args, '--order', 'key', '--only-newer'])).code).toBe(0);
    expect(await ordering()).toEqual({ mode: 'key', onFailure: 'block', onlyNewer: true });
    expect((await run([...args, '--order', 'endpoint'])).code).toBe(0);
    expect(await ordering()).toEqual({ mode: 'fifo', onFailure: 'block' });
    for (const wrong of [['--order', 'other'], ['--only-newer'], ['--order', 'endpoint', '--only-newer']]) {
      expect((await run([...args, ...wrong])).code).toBe(2);
    }
    expect(await ordering()).toEqual({ mode: 'fifo', onFailure: 'block' });
  });

  test('takes a secret from a variable, and never from the command line', async () => {
    const args = ['source', 'create', 'with-secret', '--type', 'github', '--secret-from', 'MY_SECRET'];
    expect(await run(args)).toMatchObject({ code: 2 });
    expect((await run(args, { MY_SECRET: githubSecret })).code).toBe(0);
    expect((await gateway.push(await sourceOf('with-secret'))).status).toBe(204);
    expect(
      spawnSync(process.execPath, [program, 'source', 'create', '--help']).stdout.toString(),
    ).not.toMatch(/--secret /);
  });
});

const file = `
sources:
  shop:
    type: github
    name: Shop
    secrets: ["\${SHOP_SECRET}"]
    endpoints:
      erp:
        url: https://erp.test/hooks
        eventTypes: [push]
        headers: { x-team: shop }
        transformation: { code: "function handler(webhook) { return webhook; }" }
      all: { url: https://all.test/hooks, ordering: { mode: key, onlyNewer: true } }
`;
const env = { SHOP_SECRET: githubSecret };

const everything = `
sources:
  all:
    type: meta
    name: All of it
    secrets: ["\${ALL_SECRET}"]
    settings: { verifyToken: the word }
    metadata: { team: x }
    observe: true
    allowedMethods: [POST, PUT]
    bodyMaxBytes: 1000
    rateLimit: 100
    toleranceSeconds: 60
    deduplicateBy: body
    validation: park
    syncTimeoutMs: 500
    answer: { status: 200, body: fine }
    endpoints:
      one:
        url: https://one.test
        description: The only one
        eventTypes: [push, issues.opened, a]
        channels: [z, b]
        disabled: false
        metadata: { team: x }
        rateLimit: 50
        retrySchedule: [5, 60]
        timeoutSeconds: 7
        ordering: { mode: fifo }
        filter: payload.n > 1
        auth: { type: basic, username: u, password: "\${ALL_PASSWORD}" }
        secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
        headers: { x-plain: "1", x-token: "Bearer \${file:bearer}" }
        transformation: { code: "function handler(webhook) { return webhook; }", variables: { a: b } }
      two: { url: https://two.test/hooks, secret: "\${ALL_KEY}" }
`;

describe('posthorn apply', { timeout }, () => {
  test('tells what it would do, does it, and then has nothing to do', async () => {
    await write(file);
    const dry = await run(['apply', '--dry-run'], env);
    expect(dry).toMatchObject({ code: 0, stdout: '3 changes, none of them made\n' });
    expect(dry.stderr.split('\n').slice(0, 3)).toEqual([
      '+ source shop',
      '+ endpoint shop/erp: headers, transformation',
      '+ endpoint shop/all',
    ]);
    expect((await gateway.api('GET', '/ingest/api/v1/source/shop')).status).toBe(404);
    expect(await run(['apply'], env)).toMatchObject({ code: 0, stdout: '3 changes made\n' });
    const source = await sourceOf('shop');
    expect((await gateway.push(source)).status).toBe(204);
    const endpoint = (await gateway.api('GET', '/ingest/api/v1/source/shop/endpoint/erp')).body;
    expect(endpoint).toMatchObject({ url: 'https://erp.test/hooks', eventTypes: ['push'] });
    const again = await run(['apply', '--json'], env);
    expect(JSON.parse(again.stdout)).toMatchObject({
      applied: true,
      plan: [{ action: 'keep' }, { action: 'keep' }, { action: 'keep' }],
    });
  });

  test('changes what the file changes, names the fields, and leaves alone what it does not name', async () => {
    await write(file);
    await run(['apply'], env);
    await gateway.api('PATCH', '/ingest/api/v1/source/shop', { rateLimit: 7 });
    const before = await sourceOf('shop');
    await write(file.replace('name: Shop', 'observe: true').replace('[push]', '[push, issues.opened]'));
    const changed = await run(['apply'], { SHOP_SECRET: 'another secret of the shop' });
    expect(changed.code).toBe(0);
    expect(changed.stderr.split('\n').slice(0, 3)).toEqual([
      '~ source shop: name, observe, secrets',
      '~ endpoint shop/erp: eventTypes',
      '= endpoint shop/all',
    ]);
    expect(changed.stderr + changed.stdout).not.toContain('another secret');
    expect(await sourceOf('shop')).toMatchObject({
      id: before.id,
      ingestUrl: before.ingestUrl,
      rateLimit: 7,
      observe: true,
    });
  });

  test('has nothing to do the second time, whatever the file names, shown or not', async () => {
    await write(everything);
    await writeFile(join(folder, 'bearer'), 'a token from a file\n');
    const values = {
      ALL_SECRET: githubSecret,
      ALL_PASSWORD: 'the password',
      ALL_KEY: await generateEd25519Secret(),
    };
    expect(await run(['apply'], values)).toMatchObject({ code: 0, stdout: '3 changes made\n' });
    const again = await run(['apply', '--dry-run'], values);
    expect(again.stderr).toBe('= source all\n= endpoint all/one\n= endpoint all/two\n');
    const path = '/ingest/api/v1/source/all/endpoint/one';
    expect((await gateway.api('GET', path)).body).toMatchObject({ metadata: { team: 'x' }, rateLimit: 50 });
    // In another order, and under another value that nobody shows.
    await write(everything.replace('type: basic, username: u', 'username: u, type: basic'));
    expect((await run(['apply', '--dry-run'], values)).stdout).toBe('0 changes, none of them made\n');
    const other = await run(['apply'], { ...values, ALL_PASSWORD: 'another password' });
    expect(other.stderr).toBe('= source all\n~ endpoint all/one: auth\n= endpoint all/two\n');
    await writeFile(join(folder, 'bearer'), 'another token');
    const headers = await run(['apply'], { ...values, ALL_PASSWORD: 'another password' });
    expect(headers.stderr).toBe('= source all\n~ endpoint all/one: headers\n= endpoint all/two\n');
    await gateway.api('PUT', `${path}/headers`, { headers: { 'x-plain': 'changed by hand' } });
    const mended = await run(['apply', '--json'], { ...values, ALL_PASSWORD: 'another password' });
    expect(JSON.parse(mended.stdout)).toMatchObject({ plan: [{}, { changes: ['headers'] }, {}] });
    const shown = JSON.stringify([
      (await gateway.api('GET', path)).body,
      await sourceOf('all'),
      other,
      headers,
    ]);
    for (const secret of ['password', 'token', githubSecret, 'the word']) {
      expect(shown.replaceAll(/"(?:fields|changes)":\[[^\]]*\]/g, '')).not.toContain(`${secret}"`);
    }
  });

  test('takes an endpoint with credentials to another server', async () => {
    await write(everything);
    await writeFile(join(folder, 'bearer'), 'a token from a file');
    const values = {
      ALL_SECRET: githubSecret,
      ALL_PASSWORD: 'the password',
      ALL_KEY: await generateEd25519Secret(),
    };
    await run(['apply'], values);
    await write(everything.replace('https://one.test', 'https://another.test'));
    const moved = await run(['apply'], values);
    expect(moved.stderr).toBe('= source all\n~ endpoint all/one: url\n= endpoint all/two\n');
    const path = '/ingest/api/v1/source/all/endpoint/one';
    expect((await gateway.api('GET', path)).body).toMatchObject({ url: 'https://another.test/' });
    expect((await gateway.api('GET', `${path}/headers`)).body).toEqual({
      headers: { 'x-plain': '1' },
      sensitive: ['x-token'],
    });
    expect((await run(['apply'], values)).stdout).toBe('0 changes made\n');
  });

  test('says where the file is wrong, and does nothing then', async () => {
    const wrong: [text: string, what: RegExp][] = [
      ['sources: [', /is not YAML/],
      ['endpoints: {}', /must not have endpoints/],
      ['sources: { x: { name: y } }', /source x must have a type/],
      ['sources: { "a b": { type: github } }', /must be called by letters/],
      [
        'sources: { x: { type: github, secret: "${NOBODY_SET_THIS}" } }',
        /needs the variable NOBODY_SET_THIS/,
      ],
      ['sources: { x: { type: github, secret: "${file:nobody-wrote-this}" } }', /cannot be read \(ENOENT\)/],
      ['sources: { x: { type: github, secret: "${no variable}" } }', /names a variable that cannot be one/],
      ['sources: &all { x: *all }', /is nested more than 32 deep/],
      ['sources: { x: { type: github, config: {} } }', /source x must not have config/],
      ['sources: { x: { type: github, endpoints: { y: {} } } }', /endpoint y must have a url/],
    ];
    for (const [text, what] of wrong) {
      await write(text);
      const ran = await run(['apply']);
      expect(ran.code, text).toBe(2);
      expect(ran.stderr).toMatch(what);
    }
    expect((await gateway.api('GET', '/ingest/api/v1/source/x')).status).toBe(404);
    await write('sources: { misspelt: { type: github, rateLimits: 5 } }');
    expect(await run(['apply'])).toMatchObject({ code: 5, stderr: expect.stringContaining('rateLimits') });
    await write('sources: { x: { type: nobody-has-heard-of } }');
    expect(await run(['apply'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('source x: body.type'),
    });
  });

  test('is done when a server starts with the file, and ends a server that starts with a wrong one', async () => {
    await write(file.replaceAll('shop', 'started'));
    const started = await startPosthorn(database.url, env, {
      flags: ['--apply', join(folder, 'posthorn.yaml')],
    });
    expect((await gatewayClient(started).push(await sourceOf('started'))).status).toBe(204);
    const entries = (await gateway.api('GET', '/api/v1/audit-log')).body.data as Record<string, unknown>[];
    expect(entries[0]).toMatchObject({ tokenName: expect.stringContaining('posthorn.yaml') });
    expect(await started.end('SIGTERM')).toBe(0);
    await write('sources: 1');
    const flags = ['--apply', join(folder, 'posthorn.yaml')];
    await expect(startPosthorn(database.url, env, { flags })).rejects.toThrow(/exited with 2/);
  });
});
