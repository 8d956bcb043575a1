// The command line as a process: what it prints where, and what it exits with.
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sign } from '@posthorn/webhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readDevState, removeDevState, writeDevState } from '../src/cli/dev-state.ts';
import { exitCodes } from '../src/cli/exit-codes.ts';
import { ensureSecretKey } from '../src/cli/secret-key-file.ts';
import { runCli } from './support/cli-process.ts';
import type { Ended, RunOptions } from './support/cli-process.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(args: readonly string[], options?: RunOptions): Promise<Omit<Ended, 'output'>> {
  const { output: _, ...ended } = await runCli(folder, args, options);
  return ended;
}

async function runJson(
  args: readonly string[],
  options?: RunOptions,
): Promise<{ code: number | null; json: unknown }> {
  const { code, stdout } = await run([...args, '--json'], options);
  return { code, json: JSON.parse(stdout) as unknown };
}

describe('usage', () => {
  test('--version prints the version of the package and nothing else', async () => {
    const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
    const { version } = JSON.parse(manifest) as { version: string };
    expect(await run(['--version'])).toEqual({ code: exitCodes.ok, stdout: `${version}\n`, stderr: '' });
  });

  test('--help is data, no command at all is a mistake', async () => {
    const help = await run(['--help']);
    expect(help).toMatchObject({ code: exitCodes.ok, stderr: '' });
    expect(help.stdout).toContain('Usage: posthorn');
    const nothing = await run([]);
    expect(nothing).toMatchObject({ code: exitCodes.usage, stdout: '' });
    expect(nothing.stderr).toContain('Usage: posthorn');
  });

  test.each([
    ['dev'],
    ['serve'],
    ['send'],
    ['replay'],
    ['verify'],
    ['sign'],
    ['providers'],
    ['config'],
    ['migrate'],
    ['token', 'create'],
    ['token', 'list'],
    ['token', 'revoke'],
    ['environment', 'create'],
    ['environment', 'list'],
  ])('the help of %s %s has examples', async (...command) => {
    const { code, stdout } = await run([...command, '--help']);
    expect(code).toBe(exitCodes.ok);
    expect(stdout).toMatch(/Examples:\n {2}\$ /);
  });

  test.each([
    [['servee'], "error: unknown command 'servee'. fix: did you mean serve?\n"],
    [['serve', '--prot', '1'], "error: unknown option '--prot'. fix: did you mean --port?\n"],
    [['config', '--for', 'test'], /^error: option '--for <mode>' argument 'test' is invalid\..*\n$/],
    [['send', '--type', 'a'], /^error: required option '--app <app>' not specified\. fix: .*\n$/],
    [['verify'], /^error: required option '--secret <secret>' not specified\. fix: .*\n$/],
    [['serve', '--port'], /^error: option '--port <number>' argument missing\. fix: .*\n$/],
  ])('%j is one line on stderr, and exit code 2', async (args, stderr) => {
    const ended = await run(args);
    expect(ended).toMatchObject({ code: exitCodes.usage, stdout: '' });
    expect(ended.stderr).toMatch(stderr);
    expect(ended.stderr.split('\n')).toHaveLength(2);
  });

  test('with --json a mistake is one object on stdout', async () => {
    const { code, json } = await runJson(['serve', '--prot', '1']);
    expect(code).toBe(exitCodes.usage);
    expect(json).toEqual({
      error: { code: 'usage', message: "unknown option '--prot'", fix: 'did you mean --port?' },
    });
  });

  test('colour comes only when it is asked for, and NO_COLOR wins', async () => {
    const escape = '\u001b[';
    expect((await run(['servee'])).stderr).not.toContain(escape);
    expect((await run(['servee'], { env: { FORCE_COLOR: '1' } })).stderr).toContain(escape);
    const both = { FORCE_COLOR: '1', NO_COLOR: '1' };
    expect((await run(['servee'], { env: both })).stderr).not.toContain(escape);
  });

  test('docs/cli.md lists every exit code', () => {
    const document = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
    const listed = [...document.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(listed).toEqual(Object.values(exitCodes));
  });
});

describe('config', () => {
  test('prints every value with its origin, and no secret', async () => {
    const secret = 'a-token-that-must-not-show';
    const env = { POSTHORN_TOKEN: secret, POSTHORN_LOG_LEVEL: 'debug' };
    const { code, stdout, stderr } = await run(['config', '--port', '9000'], { env });
    expect({ code, stderr }).toEqual({ code: exitCodes.ok, stderr: '' });
    expect(stdout).toMatch(/^PORT +9000 +flag$/m);
    expect(stdout).toMatch(/^POSTHORN_LOG_LEVEL +debug +environment$/m);
    expect(stdout).toMatch(/^HOST +127\.0\.0\.1 +default$/m);
    expect(stdout).toMatch(/^POSTHORN_TOKEN +\*\*\* +environment$/m);
    expect(stdout).not.toContain(secret);
  });

  test('with problems, exits with 2 and tells them all, one line each', async () => {
    const { code, stderr } = await run(['config', '--for', 'serve'], { env: { PORT: 'x', HOST: '?' } });
    expect(code).toBe(exitCodes.usage);
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^error: PORT=x \(environment\): /),
      expect.stringMatching(/^error: HOST=\? \(environment\): /),
      expect.stringMatching(/^error: DATABASE_URL is not set/),
    ]);
  });

  test('with --json values and problems are in one object', async () => {
    const { code, json } = await runJson(['config'], { env: { PORT: 'x', POSTHORN_TOKNE: '1' } });
    expect(code).toBe(exitCodes.usage);
    expect(json).toMatchObject({
      mode: 'dev',
      warnings: [expect.stringContaining('POSTHORN_TOKNE')],
      error: { code: 'invalid_configuration', problems: [expect.stringMatching(/^PORT=x/)] },
    });
    const { settings } = json as { settings: object[] };
    expect(settings).toContainEqual({
      name: 'HOST',
      flag: '--host',
      value: '127.0.0.1',
      origin: { kind: 'default' },
      note: null,
      problem: null,
    });
  });

  test('serve stops at a wrong value before anything is started', async () => {
    const { code, stdout, stderr } = await run(['serve', '--port', '80x0'], {
      env: { POSTHORN_EMBEDDED: '1' },
    });
    expect({ code, stdout }).toEqual({ code: exitCodes.usage, stdout: '' });
    expect(stderr).toBe(
      'error: --port=80x0 (flag): not a whole number. fix: give a number from 0 to 65535\n',
    );
    expect(existsSync(join(folder, '.posthorn'))).toBe(false);
  });
});

describe('verify', () => {
  // The known vector of the Standard Webhooks libraries.
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const time = '1614265330';
  const headers = [
    'webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek',
    `webhook-timestamp: ${time}`,
    'webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  ];
  const body = '{"test": 2432232314}';
  const headerFlags = headers.flatMap((header) => ['--header', header]);
  const rawRequest = (lineEnd: string, more: string[] = []) =>
    ['POST /hook HTTP/1.1', 'Host: example.com', ...headers, ...more, '', body].join(lineEnd);

  test('a body with its headers is valid at the time it was signed', async () => {
    const args = ['verify', '--secret', secret, '--at', time, ...headerFlags];
    const { code, stdout, stderr } = await run(args, { stdin: body });
    expect({ code, stderr }).toEqual({ code: exitCodes.ok, stderr: '' });
    expect(stdout).toContain('valid: msg_p5jXN8AQM9LWM0D4loKWxJek');
  });

  test.each([['\r\n'], ['\n']])('a raw request with lines that end in %j is valid', async (lineEnd) => {
    const args = ['verify', '--secret', secret, '--at', time];
    const { code, json } = await runJson(args, { stdin: rawRequest(lineEnd) });
    expect({ code, json }).toMatchObject({ code: exitCodes.ok, json: { ok: true, timestamp: Number(time) } });
  });

  test('a request is judged by its exact bytes, UTF-8 or not', async () => {
    const bytes = Buffer.from([0x00, 0xff, 0xfe, 0x0d, 0x0a, 0x0a, 0x80]);
    const signed = await sign({ id: 'msg_1', body: bytes, secrets: secret, timestamp: Number(time) });
    const head = Object.entries(signed).map(([name, value]) => `${name}: ${value}\r\n`);
    const args = ['verify', '--secret', secret, '--at', time];
    const whole = (sent: Buffer) =>
      Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\n${head.join('')}\r\n`), sent]);
    expect((await run(args, { stdin: whole(bytes) })).code).toBe(exitCodes.ok);
    const altered = Buffer.from(bytes).fill(0xfd, 1, 2);
    expect((await run(args, { stdin: whole(altered) })).code).toBe(exitCodes.failure);
  });

  test.each([
    [['--at', time], `${body} `, 'mismatch'],
    [[], body, 'stale'],
    [['--at', '1614265031', '--tolerance', '298'], body, 'future'],
    [['--at', '1614265031', '--tolerance', '298', '--header', 'webhook-id: msg_2'], body, 'malformed-header'],
  ])('with %j the body %j is refused as %s', async (flags, stdin, reason) => {
    const { code, json } = await runJson(['verify', '--secret', secret, ...headerFlags, ...flags], { stdin });
    expect(code).toBe(exitCodes.failure);
    expect(json).toMatchObject({ ok: false, reason });
  });

  test('of several secrets one is enough, and any age can be allowed', async () => {
    const other = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
    const flags = ['--secret', other, '--secret', secret, '--tolerance', 'any'];
    const { json } = await runJson(['verify', ...flags], { stdin: rawRequest('\r\n') });
    expect(json).toMatchObject({ ok: true, secretIndex: 1 });
  });

  test('content-length decides what belongs to the body', async () => {
    const args = ['verify', '--secret', secret, '--at', time];
    const stdin = `${rawRequest('\r\n', [`Content-Length: ${body.length}`])}\n`;
    const { code, stderr } = await run(args, { stdin });
    expect(code).toBe(exitCodes.ok);
    expect(stderr).toBe('warning: 1 bytes after the 20 that content-length announces are left out\n');
  });

  test.each([
    [['--secret', 'whsk_x'], rawRequest('\n')],
    [['--secret', secret, '--at', 'now'], rawRequest('\n')],
    [['--secret', secret], body],
    [['--secret', secret], ''],
    [['--secret', secret, '--header', 'no colon'], body],
    [['--secret', secret], rawRequest('\n', ['Transfer-Encoding: chunked'])],
  ])('%j cannot be judged: a mistake of the caller', async (flags, stdin) => {
    const { code, stderr } = await run(['verify', ...flags], { stdin });
    expect(code).toBe(exitCodes.usage);
    expect(stderr).toMatch(/^error: .* fix: .*\n$/);
  });
});

describe('send', () => {
  type Answer = { status: number; body: unknown };
  const token = 'test-token-0123456789';
  let server: Server;
  let url = '';
  let requests: { method: string; path: string; authorization: string | undefined; body: string }[] = [];
  let answers: Record<string, Answer[]> = {};
  let reached = () => {};

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? '';
    const { authorization } = request.headers;
    const method = request.method ?? '';
    requests.push({ method, path, authorization, body: Buffer.concat(chunks).toString() });
    reached();
    const list = answers[`${method} ${path.split('?')[0]}`] ?? [];
    const answer = list.length > 1 ? list.shift() : list[0];
    // No answer planned: the request hangs.
    if (answer === undefined) return;
    const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
  }

  beforeAll(async () => {
    server = createServer((request, response) => void handle(request, response));
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const sent: Answer = { status: 202, body: { id: 'msg_1', eventType: 'user.created' } };
  const post = 'POST /api/v1/app/acme/msg';
  beforeEach(() => {
    requests = [];
    answers = { [post]: [sent] };
    reached = () => {};
  });

  const args = ['send', '--app', 'acme', '--type', 'user.created'];
  const env = () => ({ POSTHORN_SERVER_URL: url, POSTHORN_TOKEN: token });

  test('prints the id of the message, and sends the payload as it was written', async () => {
    const payload = '{"n": 1.0, "big": 12345678901234567890}';
    const flags = ['--payload', payload, '--event-id', 'e1', '--channel', 'a', '--channel', 'b'];
    const ended = await run([...args, ...flags], { env: env() });
    expect(ended).toEqual({ code: exitCodes.ok, stdout: 'msg_1\n', stderr: '' });
    expect(requests).toEqual([
      {
        method: 'POST',
        path: '/api/v1/app/acme/msg',
        authorization: `Bearer ${token}`,
        body: `{"eventType":"user.created","eventId":"e1","channels":["a","b"],"payload":${payload}}`,
      },
    ]);
  });

  test('takes the payload from a file or from stdin, and makes the application when asked', async () => {
    answers['POST /api/v1/app'] = [{ status: 201, body: { id: 'app_1' } }];
    await writeFile(join(folder, 'payload.json'), '{"from":"file"}\n');
    const ended = await run([...args, '--payload-file', 'payload.json', '--create-app'], { env: env() });
    expect(ended.code).toBe(exitCodes.ok);
    expect((await run(args, { env: env(), stdin: '{"from":"stdin"}' })).code).toBe(exitCodes.ok);
    expect(requests.map(({ path }) => path)).toEqual([
      '/api/v1/app?get_if_exists=true',
      '/api/v1/app/acme/msg',
      '/api/v1/app/acme/msg',
    ]);
    expect(requests.map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([
      { name: 'acme', uid: 'acme' },
      { payload: { from: 'file' } },
      { payload: { from: 'stdin' } },
    ]);
  });

  test('finds the running dev by its note, and its token stays with its own address', async () => {
    const dataDir = join(folder, 'data');
    await writeDevState(dataDir, { url, token: 'token-of-the-dev', pid: 1 });
    const flags = [...args, '--data-dir', dataDir, '--payload', '{}'];
    expect((await run(flags)).code).toBe(exitCodes.ok);
    expect(requests[0]?.authorization).toBe('Bearer token-of-the-dev');
    const elsewhere = await run([...flags, '--server', 'http://127.0.0.1:1']);
    expect(elsewhere.code).toBe(exitCodes.auth);
    expect(elsewhere.stderr).toContain('there is no token for http://127.0.0.1:1');
  });

  test.each([
    ['{"a":1},"eventId":"x"', 'not JSON'],
    ['{', 'not JSON'],
    ['', 'not JSON'],
  ])('refuses the payload %j before anything is sent', async (payload, reason) => {
    const { code, stderr } = await run([...args, '--payload', payload], { env: env() });
    expect({ code, requests }).toEqual({ code: exitCodes.usage, requests: [] });
    expect(stderr).toContain(reason);
  });

  test.each<[Answer, number, string]>([
    [
      { status: 401, body: { code: 'authentication_failed', detail: 'Invalid token' } },
      3,
      'authentication_failed',
    ],
    [{ status: 404, body: { code: 'not_found', detail: 'Entity not found' } }, 4, 'not_found'],
    [{ status: 409, body: { code: 'conflict', detail: 'taken' } }, 5, 'conflict'],
    [{ status: 422, body: { detail: [{ loc: ['body', 'eventType'], msg: 'too long' }] } }, 5, 'http_422'],
    [{ status: 503, body: { code: 'database_unavailable', detail: 'later' } }, 6, 'database_unavailable'],
    [{ status: 500, body: { code: 'server_error', detail: 'unexpected' } }, 1, 'server_error'],
    [{ status: 200, body: '<html>' }, 1, 'not_posthorn'],
    [{ status: 202, body: {} }, 1, 'not_posthorn'],
  ])('the answer %j exits with %i', async (answer, exitCode, code) => {
    answers[post] = [answer];
    const ended = await runJson([...args, '--payload', '{}'], { env: env() });
    expect(ended).toMatchObject({ code: exitCode, json: { error: { code } } });
  });

  test('a wrong field is told with its place', async () => {
    answers[post] = [{ status: 422, body: { detail: [{ loc: ['body', 'eventType'], msg: 'too long' }] } }];
    const { stderr } = await run([...args, '--payload', '{}'], { env: env() });
    expect(stderr).toBe('error: body.eventType: too long\n');
  });

  test('a server that is not there, or not named, exits with 6', async () => {
    const away = { POSTHORN_SERVER_URL: 'http://127.0.0.1:2', POSTHORN_TOKEN: token };
    const refused = await run([...args, '--payload', '{}'], { env: away });
    expect(refused.code).toBe(exitCodes.unreachable);
    expect(refused.stderr).toMatch(/cannot be reached: .*ECONNREFUSED.*\. fix: start Posthorn/);
    const unnamed = await run([...args, '--payload', '{}'], { env: { POSTHORN_TOKEN: token } });
    expect(unnamed).toMatchObject({ code: exitCodes.unreachable });
  });

  test('^C exits with 130', async () => {
    answers = {};
    const interruptOn = new Promise<void>((resolve) => (reached = resolve));
    const ended = await run([...args, '--payload', '{}', '--json'], { env: env(), interruptOn });
    expect(ended.code).toBe(exitCodes.interrupted);
    expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'interrupted' } });
  });

  describe('--wait', () => {
    const waiting = [...args, '--payload', '{}', '--wait'];
    const destinations = 'GET /api/v1/app/acme/msg/msg_1/endpoint';
    const attempts = 'GET /api/v1/app/acme/attempt/msg/msg_1';
    const list = (...data: object[]): Answer => ({ status: 200, body: { data, done: true } });
    const attempt = (id: string, status: number, responseStatusCode: number) => ({
      id,
      endpointId: 'ep_1',
      url: 'http://127.0.0.1/hook',
      status,
      responseStatusCode,
      responseDurationMs: 12,
    });
    const failing = attempt('atmpt_1', 2, 500);
    const succeeding = attempt('atmpt_2', 0, 204);
    const later = '2030-01-01T00:00:00.000Z';

    test('tells each attempt once, and ends when all deliveries succeeded', async () => {
      answers[destinations] = [
        list({ id: 'ep_1', status: 1, nextAttempt: later }),
        list({ id: 'ep_1', status: 0 }),
      ];
      answers[attempts] = [list(failing), list(succeeding, failing)];
      const ended = await run(waiting, { env: env() });
      expect(ended).toEqual({
        code: exitCodes.ok,
        stdout:
          'msg_1\nep_1  failed  500  12 ms  http://127.0.0.1/hook\nep_1  succeeded  204  12 ms  http://127.0.0.1/hook\n',
        stderr: 'delivered to 1 of 1\n',
      });
    });

    test('a delivery that is given up exits with 1', async () => {
      answers[destinations] = [list({ id: 'ep_1', status: 2, nextAttempt: null }, { id: 'ep_2', status: 4 })];
      answers[attempts] = [list(failing)];
      const { code, json } = await runJson(waiting, { env: env() });
      expect(code).toBe(exitCodes.failure);
      expect(json).toMatchObject({ message: { id: 'msg_1' }, attempts: [{ statusCode: 500 }] });
    });

    test('an attempt without an answer says why there was none', async () => {
      answers[destinations] = [list({ id: 'ep_1', status: 2, nextAttempt: null })];
      answers[attempts] = [list({ ...attempt('atmpt_1', 2, 0), reason: 'timeout' })];
      const { stdout, stderr } = await run(waiting, { env: env() });
      expect(stdout).toContain('ep_1  failed  timeout  12 ms');
      expect(stderr).toBe('1 of 1 given up\n');
    });

    test('a delivery that is still open at the end of the time exits with 7', async () => {
      answers[destinations] = [list({ id: 'ep_1', status: 2, nextAttempt: later })];
      answers[attempts] = [list(failing)];
      const { code, json } = await runJson([...waiting, '--timeout', '0'], { env: env() });
      expect(code).toBe(exitCodes.timeout);
      expect(json).toMatchObject({ error: { code: 'timeout' }, destinations: [{ nextAttempt: later }] });
    });

    test('a message that nobody takes is said to be stored', async () => {
      answers[destinations] = [list()];
      answers[attempts] = [list()];
      const { code, stderr } = await run(waiting, { env: env() });
      expect({ code, stderr }).toEqual({
        code: exitCodes.ok,
        stderr: 'no endpoint takes this message; it is stored\n',
      });
    });
  });
});

describe('commands on the database', () => {
  test.each([[['migrate']], [['token', 'list']], [['environment', 'create', 'live']]])(
    '%j without a database says how to name one',
    async (args) => {
      const { code, stderr } = await run(args);
      expect(code).toBe(exitCodes.usage);
      expect(stderr).toMatch(/^error: there is no database to work on\. fix: set DATABASE_URL/);
    },
  );

  test.each([[['migrate']], [['token', 'list']]])(
    '%j with a database that is away exits with 6',
    async (args) => {
      const env = { DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/db' };
      const { code, json } = await runJson(args, { env });
      expect({ code, json }).toMatchObject({
        code: exitCodes.unreachable,
        json: { error: { code: 'database_unreachable' } },
      });
      expect(JSON.stringify(json)).not.toContain('secret');
    },
  );
});

describe('files in the data directory', () => {
  test('the note of a running dev is for its owner only, and only its own process removes it', async () => {
    const dataDir = join(folder, 'note');
    const state = { url: 'http://127.0.0.1:8071', token: 't', pid: 42, databaseUrl: 'postgres:///x' };
    await writeDevState(dataDir, state);
    expect((await stat(join(dataDir, 'dev.json'))).mode & 0o777).toBe(0o600);
    await removeDevState(dataDir, 41);
    expect(await readDevState(dataDir)).toEqual(state);
    await removeDevState(dataDir, 42);
    expect(await readDevState(dataDir)).toBeUndefined();
  });

  test('a damaged note counts as none', async () => {
    const dataDir = join(folder, 'damaged');
    await mkdir(dataDir);
    for (const text of ['', '{', '[]', 'null', '{"url":1}']) {
      await writeFile(join(dataDir, 'dev.json'), text);
      expect(await readDevState(dataDir)).toBeUndefined();
    }
  });

  test('the secret key is made once, even by several at a time, for its owner only', async () => {
    const dataDir = join(folder, 'key');
    const keys = await Promise.all(Array.from({ length: 8 }, () => ensureSecretKey(dataDir)));
    const again = await ensureSecretKey(dataDir);
    for (const key of keys) expect(key).toEqual(again);
    expect(again).toHaveLength(32);
    expect((await stat(join(dataDir, 'secret-key'))).mode & 0o777).toBe(0o600);
  });

  test('a damaged secret key is never replaced', async () => {
    const dataDir = join(folder, 'damaged-key');
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'secret-key'), 'half a key');
    await expect(ensureSecretKey(dataDir)).rejects.toThrow(/secret-key is neither base64 nor hex/);
    expect(readFileSync(join(dataDir, 'secret-key'), 'utf8')).toBe('half a key');
  });
});
