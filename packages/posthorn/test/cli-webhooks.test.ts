// verify --provider, sign and providers as processes: what they print for the requests of providers, and how they end.
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { providers } from '@posthorn/webhooks/providers/all';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exitCodes } from '../src/cli/exit-codes.ts';
import { runCli } from './support/cli-process.ts';
import type { Ended, RunOptions } from './support/cli-process.ts';

const secret = "It's a Secret to Everybody";
const time = '1700000000';
const body = '{"id":"evt_1","type":"invoice.paid","created":1700000000,"data":{"object":{"id":"in_1"}}}';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-cli-webhooks-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (args: readonly string[], options?: RunOptions) => runCli(folder, args, options);
const jsonOf = (ended: Ended) => JSON.parse(ended.stdout) as Record<string, unknown>;

function githubRequest(sent: string | Uint8Array, lineEnd = '\r\n', more: readonly string[] = []): Buffer {
  const signature = createHmac('sha256', secret).update(sent).digest('hex');
  const head = [
    'POST /hook HTTP/1.1',
    'Host: example.com',
    'X-GitHub-Event: push',
    'X-GitHub-Delivery: d-1',
    `X-Hub-Signature-256: sha256=${signature}`,
    ...more,
    '',
    '',
  ];
  return Buffer.concat([Buffer.from(head.join(lineEnd)), Buffer.from(sent)]);
}

describe('verify --provider', () => {
  const args = ['verify', '--provider', 'github', '--secret', secret];

  test.each([['\r\n'], ['\n']])(
    'tells the verdict and the events, with lines that end in %j',
    async (lineEnd) => {
      const ended = await run(args, { stdin: githubRequest('{"action":"opened"}', lineEnd) });
      expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: exitCodes.ok, stderr: '' });
      expect(jsonOf(ended)).toEqual({
        ok: true,
        secretIndex: 0,
        provider: 'github',
        events: [{ type: 'push.opened', id: 'd-1' }],
      });
    },
  );

  test('judges the very bytes, and no more of them than content-length says', async () => {
    const bytes = Buffer.from([0x00, 0xff, 0x0d, 0x0a, 0x80]);
    const whole = githubRequest(bytes, '\r\n', ['Content-Length: 5']);
    expect((await run(args, { stdin: whole })).code).toBe(exitCodes.ok);
    const longer = await run(args, { stdin: Buffer.concat([whole, Buffer.from('\n')]) });
    expect(longer).toMatchObject({
      code: exitCodes.ok,
      stderr: expect.stringContaining('are left out') as string,
    });
    const shorter = await run(args, { stdin: whole.subarray(0, -1) });
    expect(jsonOf(shorter)).toMatchObject({ ok: false, diagnosis: { cause: 'body-length' } });
  });

  test('takes the body alone, with the headers as flags', async () => {
    const signature = createHmac('sha256', secret).update(body).digest('hex');
    const header = ['--header', `X-Hub-Signature-256: sha256=${signature}`];
    expect((await run([...args, ...header], { stdin: body })).code).toBe(exitCodes.ok);
  });

  test('after a refusal names the cause, and no secret', async () => {
    const request = githubRequest(body).toString().replace('{"id":', '{"id": ');
    const ended = await run(args, { stdin: request });
    expect(ended).toMatchObject({ code: exitCodes.failure, stderr: '' });
    expect(jsonOf(ended)).toEqual({
      ok: false,
      reason: 'mismatch',
      detail: 'no signature matches these bytes with any secret',
      provider: 'github',
      diagnosis: {
        cause: 'body-reserialised',
        advice: expect.stringContaining('before any parser') as string,
        tries: expect.any(Number) as number,
      },
    });
    expect(ended.stdout).not.toContain(secret);
    const fromStripe = await run(['verify', '--provider', 'stripe', '--secret', secret], { stdin: request });
    expect(jsonOf(fromStripe)).toMatchObject({
      reason: 'missing-header',
      diagnosis: { cause: 'other-provider', advice: expect.stringContaining('GitHub') as string },
    });
  });

  test('judges the age at the time that is given', async () => {
    const signature = createHmac('sha256', 'whsec_test').update(`${time}.${body}`).digest('hex');
    const stdin = `POST / HTTP/1.1\nStripe-Signature: t=${time},v1=${signature}\n\n${body}`;
    const ofStripe = ['verify', '--provider', 'stripe', '--secret', 'whsec_test'];
    expect(jsonOf(await run([...ofStripe, '--at', time], { stdin }))).toEqual({
      ok: true,
      secretIndex: 0,
      timestamp: Number(time),
      provider: 'stripe',
      events: [{ type: 'invoice.paid', id: 'evt_1', timeSeconds: Number(time), orderKey: 'in_1' }],
    });
    const late = await run([...ofStripe, '--at', '1700000400'], { stdin });
    expect(jsonOf(late)).toMatchObject({ reason: 'stale', diagnosis: { cause: 'clock-skew' } });
    const later = await run([...ofStripe, '--at', '1700000400', '--tolerance', '500'], { stdin });
    expect(later.code).toBe(exitCodes.ok);
  });

  test('takes secrets from the environment, after those of the flags', async () => {
    const stdin = githubRequest(body);
    const named = ['verify', '--provider', 'github', '--secret', 'old', '--secret-env', 'HOOK_SECRET'];
    const ended = await run(named, { stdin, env: { HOOK_SECRET: secret } });
    expect(jsonOf(ended)).toMatchObject({ ok: true, secretIndex: 1 });
    const missing = await run(named, { stdin });
    expect(missing).toMatchObject({ code: exitCodes.usage, stdout: '' });
    expect(missing.stderr).toBe(
      'error: --secret-env HOOK_SECRET is not set. fix: set the environment variable HOOK_SECRET\n',
    );
    const standard = ['verify', '--secret-env', 'HOOK_SECRET'];
    const refused = await run(standard, {
      stdin,
      env: { HOOK_SECRET: `whsec_${Buffer.alloc(32).toString('base64')}` },
    });
    expect(refused.code).toBe(exitCodes.failure);
  });

  test.each([
    [['verify', '--provider', 'github'], exitCodes.usage, /required option '--secret/],
    [['verify', '--provider', 'githob', '--secret', 'x'], exitCodes.notFound, /there is no provider githob/],
    [['verify', '--provider', 'hub', '--secret', 'x'], exitCodes.notFound, /did you mean github or hubspot/],
    [[...args, '--url', 'example.com'], exitCodes.usage, /is no absolute URL/],
    [[...args, '--setting', 'x'], exitCodes.usage, /write it as 'name=value'/],
    [[...args, '--at', 'now'], exitCodes.usage, /digits only/],
    [[...args], exitCodes.usage, /stdin holds no HTTP request/],
    [['verify', '--secret', 'x', '--url', 'https://a.b/'], exitCodes.usage, /with --provider only/],
    [['sign', '--provider', 'nobody', '--secret', 'x'], exitCodes.notFound, /there is no provider nobody/],
    [['sign', '--provider', 'standard-webhooks', '--secret', '???'], exitCodes.usage, /must be base64/],
    [['providers', 'nobody'], exitCodes.notFound, /there is no provider nobody/],
  ])('%j is a mistake of the caller', async (wrong, code, stderr) => {
    const ended = await run(wrong);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toMatch(stderr);
    expect(ended.stderr).toMatch(/^error: .* fix: .*\n$/);
  });
});

describe('sign', () => {
  test.each([
    ['github', secret],
    ['slack', secret],
    ['stripe', 'whsec_test'],
    ['standard-webhooks', `whsec_${Buffer.alloc(32, 7).toString('base64')}`],
  ])('what it signs for %s, verify takes', async (name, shared) => {
    const args = [
      '--provider',
      name,
      '--secret',
      shared,
      '--at',
      time,
      '--url',
      'https://example.com/in?a=1',
    ];
    const signed = await run(['sign', ...args], { stdin: body });
    expect(signed).toMatchObject({ code: exitCodes.ok, stderr: '' });
    const verified = await run(['verify', ...args], { stdin: signed.output });
    expect(jsonOf(verified)).toMatchObject({ ok: true, provider: name });
  });

  test('prints the request with the bytes of the body, framed', async () => {
    const bytes = Buffer.from([0x00, 0xff, 0x0a, 0x80]);
    const args = ['--provider', 'github', '--secret-env', 'S', '--url', 'https://example.com/in?a=1'];
    const header = ['--header', 'X-GitHub-Event: push'];
    const signed = await run(['sign', ...args, ...header], { stdin: bytes, env: { S: secret } });
    const signature = createHmac('sha256', secret).update(bytes).digest('hex');
    const head = [
      'POST /in?a=1 HTTP/1.1',
      'host: example.com',
      'content-type: application/json',
      'x-github-event: push',
      `x-hub-signature-256: sha256=${signature}`,
      'content-length: 4',
    ];
    expect(signed.output.equals(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]))).toBe(
      true,
    );
    const asJson = await run(['sign', ...args, ...header, '--json'], { stdin: bytes, env: { S: secret } });
    expect(jsonOf(asJson)).toEqual({
      method: 'POST',
      url: 'https://example.com/in?a=1',
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'push',
        'x-hub-signature-256': `sha256=${signature}`,
      },
      bodyBase64: bytes.toString('base64'),
    });
  });
});

describe('providers', () => {
  test('lists all, as text and as JSON', async () => {
    const { code, stdout } = await run(['providers']);
    expect(code).toBe(exitCodes.ok);
    expect(stdout).toMatch(/^NAME +TITLE +GRADE +SCHEME\n/);
    for (const name of providers.keys()) expect(stdout).toMatch(new RegExp(`^${name} +`, 'm'));
    const listed = jsonOf(await run(['providers', '--json'])) as { providers: { name: string }[] };
    expect(listed.providers.map(({ name }) => name)).toEqual([...providers.keys()]);
  });

  test('tells all of one', async () => {
    const { stdout } = await run(['providers', 'stripe']);
    expect(stdout).toMatch(
      /^scheme +HMAC-SHA256 of \{timestamp\}\.\{body\}, hex in stripe-signature after v1=, at most 300 s off$/m,
    );
    expect(stdout).toMatch(/^secret +endpoint secret \(whsec_…\), made by the provider$/m);
    expect(jsonOf(await run(['providers', 'Stripe', '--json']))).toMatchObject({
      name: 'stripe',
      grade: 'A',
    });
  });
});
