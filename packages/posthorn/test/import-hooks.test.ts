// `posthorn import-hooks`, on hooks such as adnanh/webhook's documents show: converted, applied to a real server, called as
// their senders call them, and the command really run.
import { createHmac } from 'node:crypto';
import { chmod, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runCli } from './support/cli-process.ts';
import { createTestDatabase } from './support/database.ts';
import type { TestDatabase } from './support/database.ts';
import { gatewayClient } from './support/gateway.ts';
import type { GatewayClient, Source } from './support/gateway.ts';
import { endAllPosthorn, startPosthorn, testToken } from './support/posthorn-process.ts';
import type { PosthornProcess } from './support/posthorn-process.ts';
import { waitFor } from './support/wait.ts';

const timeout = 180_000;
const hubSecret = 'told to nobody';
const odd = '{{ payload.ref }} ${HOME} $(id) * "';
let folder: string;
let command: string;
let database: TestDatabase;
let posthorn: PosthornProcess;
let gateway: GatewayClient;

const payload = (name: string) => ({ source: 'payload', name });
const isValue = (source: string, name: string, value: string) => ({
  match: { type: 'value', value, parameter: { source, name } },
});
const isSigned = (type: string, name: string) => ({
  match: { type, secret: hubSecret, parameter: { source: 'header', name } },
});

const hooks = () => [
  {
    id: 'deploy',
    'execute-command': './hook',
    'command-working-directory': folder,
    'pass-arguments-to-command': [
      { source: 'string', name: '--reason' },
      { source: 'string', name: odd },
      payload('head_commit.id'),
      payload('pusher.name'),
      payload('commits.0.message'),
      { source: 'header', name: 'X-GitHub-Event' },
    ],
    'pass-environment-to-command': [
      { source: 'payload', name: 'ref' },
      { source: 'string', envname: 'HOOK_API_TOKEN', name: 'a-token-of-the-command' },
    ],
    'response-message': 'Deploying',
    'include-command-output-in-response': false,
    'trigger-rule': {
      and: [
        isSigned('payload-hmac-sha1', 'X-Hub-Signature'),
        { match: { type: 'regex', regex: '^refs/heads/(main|release)$', parameter: payload('ref') } },
      ],
    },
  },
  {
    id: 'signed/512',
    'execute-command': command,
    'pass-arguments-to-command': [payload('n')],
    'success-http-response-code': 202,
    'trigger-rule': isSigned('payload-hmac-sha512', 'X-Signature'),
  },
  {
    id: 'button',
    'execute-command': command,
    'http-methods': ['get'],
    'pass-arguments-to-command': [{ source: 'url', name: 'who' }],
    'response-message': 'pressed',
    'trigger-rule': isValue('url', 'token', '42'),
  },
  {
    id: 'slash',
    'execute-command': command,
    'pass-arguments-to-command': [payload('text')],
    'trigger-rule': isValue('payload', 'token', 'of-the-slash'),
  },
  {
    id: 'tags',
    'execute-command': command,
    'pass-arguments-to-command': [payload('user_name')],
    'trigger-rule': {
      and: [isValue('header', 'X-Gitlab-Token', 'gl'), isValue('header', 'X-Gitlab-Event', 'Tag Push Hook')],
    },
  },
  {
    id: 'renamed',
    'execute-command': command,
    'pass-environment-to-command': [{ ...payload('eventName'), envname: 'EVENT_NAME' }],
    'trigger-rule': isSigned('payload-hmac-sha256', 'X-Gogs-Signature'),
  },
  {
    id: 'by-address',
    'execute-command': command,
    'trigger-rule': { match: { type: 'ip-whitelist', 'ip-range': '104.192.143.0/24' } },
  },
  {
    id: 'scalr',
    'execute-command': command,
    'trigger-rule': { match: { type: 'scalr-signature', secret: hubSecret } },
  },
  {
    id: 'files',
    'execute-command': '/bin/ls',
    'pass-file-to-command': [{ ...payload('binary'), envname: 'FILE', base64decode: true }],
  },
];

const run = (args: readonly string[]) =>
  runCli(folder, args, { env: { POSTHORN_SERVER_URL: posthorn.url, POSTHORN_TOKEN: testToken } });
const modeOf = async (path: string) => ((await stat(join(folder, path))).mode & 0o777).toString(8);
const sourceOf = async (uid: string) =>
  (await gateway.api('GET', `/ingest/api/v1/source/${uid}`)).body as unknown as Source;

interface Run {
  arguments: string[];
  directory: string;
  ref: string | undefined;
  token: string | undefined;
}
/** What the command was run with, in the order in which it was. */
async function runs(): Promise<Run[]> {
  const text = await readFile(join(folder, 'log'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Run);
}
const nextRun = (before: number) =>
  waitFor(async () => (await runs())[before], { what: 'the command being run' });

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'posthorn-hooks-')));
  command = join(folder, 'hook');
  // The PATH of commands need not hold this Node.
  await writeFile(
    command,
    `#!${process.execPath}
const { HOOK_ref: ref, HOOK_API_TOKEN: token } = process.env;
const run = { arguments: process.argv.slice(2), directory: process.cwd(), ref, token };
require('node:fs').appendFileSync(${JSON.stringify(join(folder, 'log'))}, JSON.stringify(run) + '\\n');
`,
  );
  await chmod(command, 0o755);
  await writeFile(join(folder, 'log'), '');
  await writeFile(join(folder, 'hooks.json'), JSON.stringify(hooks()));
  database = await createTestDatabase();
  posthorn = await startPosthorn(database.url, { POSTHORN_ALLOW_COMMANDS: command });
  gateway = gatewayClient(posthorn);
}, timeout);
afterAll(async () => {
  await endAllPosthorn();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

test('shows what it makes, and no secret', async () => {
  const { code, stdout, stderr } = await run(['import-hooks', 'hooks.json']);
  expect(code).toBe(5);
  expect(stdout).toContain(`# The server needs POSTHORN_ALLOW_COMMANDS=${command}\n`);
  const { sources } = parse(stdout) as { sources: Record<string, unknown> };
  expect(Object.keys(sources)).toEqual(['deploy', 'signed-512', 'button', 'slash', 'tags', 'renamed']);
  for (const left of ['by-address', 'scalr', 'files']) {
    expect(stderr).toMatch(new RegExp(`^by hand: hook ${left} is left out: it`, 'm'));
  }
  expect(stderr).toContain('by hand: the secrets are not shown');
  for (const secret of [hubSecret, 'a-token-of-the-command', 'of-the-slash']) {
    expect(stdout + stderr).not.toContain(secret);
  }
});

test('says the same as JSON, and takes YAML', async () => {
  await writeFile(
    join(folder, 'one.yaml'),
    `- id: one\n  execute-command: ${command}\n  trigger-rule:\n    match:\n      type: payload-hmac-sha256\n      secret: s\n      parameter: { source: header, name: X-Hub-Signature-256 }\n`,
  );
  const { code, stdout } = await run(['import-hooks', 'one.yaml', '--out', 'one-out.yaml', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    file: 'one-out.yaml',
    allowCommands: [command],
    document: {
      sources: {
        one: {
          type: 'github',
          secrets: ['${file:one-out.secrets/one.secret}'],
          endpoints: {
            command: { kind: 'command', retrySchedule: [], timeoutSeconds: 60, config: { command } },
          },
        },
      },
    },
    leftOut: [],
    warnings: [],
  });
});

test('says what is wrong with the file, and writes over none', async () => {
  await writeFile(join(folder, 'bad.json'), '[{"id": "{{ getenv "X" | js }}"}]');
  for (const [file, words] of [
    ['none.json', 'cannot be read'],
    ['bad.json', 'filled in first'],
    ['log', 'is not a list of hooks'],
  ] as const) {
    const { code, stderr } = await run(['import-hooks', file]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(words) });
  }
  const { code, stderr } = await run(['import-hooks', 'hooks.json', '--out', 'hooks.json']);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('is there already') });
  expect(JSON.parse(await readFile(join(folder, 'hooks.json'), 'utf8'))).toHaveLength(9);
});

test('makes what runs the commands as the hooks did', { timeout }, async () => {
  const imported = await run(['import-hooks', 'hooks.json', '--out', 'posthorn.yaml']);
  expect(imported).toMatchObject({ code: 5, stdout: expect.stringContaining('6 of 9 hooks are sources') });
  expect(imported.stderr).toContain('is disabled until its command reads EVENT_NAME as HOOK_EVENT_NAME');
  for (const path of ['posthorn.yaml', 'posthorn.secrets/deploy.secret'])
    expect(await modeOf(path)).toBe('600');
  expect(await modeOf('posthorn.secrets')).toBe('700');
  expect(await readFile(join(folder, 'posthorn.yaml'), 'utf8')).not.toContain(hubSecret);
  expect(await run(['apply'])).toMatchObject({ code: 0, stdout: '12 changes made\n' });
  expect(await run(['apply'])).toMatchObject({ code: 0, stdout: '0 changes made\n' });

  const deploy = await sourceOf('deploy');
  const push = (ref: string) =>
    JSON.stringify({
      ref,
      head_commit: { id: 'c0ffee' },
      pusher: { name: `O'Hara; rm -rf "$HOME" {{ id }}` },
      commits: [{ message: 'two\nlines' }],
    });
  const forged = await gateway.push(deploy, { body: push('refs/heads/main'), secret: 'another' });
  expect(forged.status).toBe(401);
  const other = await gateway.push(deploy, { body: push('refs/heads/other'), secret: hubSecret });
  expect(other.status).toBe(200);
  const answer = await gateway.push(deploy, { body: push('refs/heads/main'), secret: hubSecret });
  expect({ status: answer.status, text: await answer.text() }).toEqual({ status: 200, text: 'Deploying' });
  const args = ['--reason', odd, 'c0ffee', `O'Hara; rm -rf "$HOME" {{ id }}`, 'two\nlines', 'push'];
  // Only the second of the three: neither what is forged nor the other branch is before it.
  expect(await nextRun(0)).toEqual({
    arguments: args,
    directory: folder,
    ref: 'refs/heads/main',
    token: 'a-token-of-the-command',
  });

  const signed = await sourceOf('signed-512');
  const mac = createHmac('sha512', hubSecret).update('{"n":7}').digest('hex');
  const post = (signature: string) =>
    fetch(signed.ingestUrl, { method: 'POST', body: '{"n":7}', headers: { 'x-signature': signature } });
  expect((await post(mac.replace(/^./, (digit) => (digit === '0' ? '1' : '0')))).status).toBe(401);
  expect((await post(`sha512=${mac}`)).status).toBe(202);
  expect(await nextRun(1)).toMatchObject({ arguments: ['7'], directory: '/' });

  const { ingestUrl: button } = await sourceOf('button');
  expect((await fetch(`${button}?token=41&who=me`)).status).toBe(401);
  expect((await fetch(`${button}?token=42&who=me`, { method: 'POST' })).status).toBe(405);
  expect(await (await fetch(`${button}?token=42&who=me`)).text()).toBe('pressed');
  expect(await nextRun(2)).toMatchObject({ arguments: ['me'] });

  const { ingestUrl: slash } = await sourceOf('slash');
  const said = (token: string) =>
    fetch(slash, { method: 'POST', body: new URLSearchParams({ token, text: 'now & here' }) });
  expect((await said('guessed')).status).toBe(401);
  expect((await said('of-the-slash')).ok).toBe(true);
  expect(await nextRun(3)).toMatchObject({ arguments: ['now & here'] });

  const { ingestUrl: tags } = await sourceOf('tags');
  const tagged = (token: string, kind: string) =>
    fetch(tags, {
      method: 'POST',
      body: JSON.stringify({ object_kind: kind, user_name: 'Ada' }),
      headers: { 'x-gitlab-token': token },
    });
  expect((await tagged('guessed', 'tag_push')).status).toBe(401);
  expect((await tagged('gl', 'push')).ok).toBe(true);
  expect((await tagged('gl', 'tag_push')).ok).toBe(true);
  expect(await nextRun(4)).toMatchObject({ arguments: ['Ada'] });

  const renamed = await sourceOf('renamed');
  expect((await gateway.send(renamed, 'gogs', { body: '{}', secret: hubSecret })).ok).toBe(true);
  const endpoint = await gateway.api('GET', '/ingest/api/v1/source/renamed/endpoint/command');
  expect(endpoint.body).toMatchObject({ disabled: true, retrySchedule: [], timeoutSeconds: 60 });
  expect(await runs()).toHaveLength(5);
});
