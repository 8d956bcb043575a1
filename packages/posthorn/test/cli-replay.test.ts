// `posthorn replay` as a process against a real server: what it has sent again, what it prints, what it exits with.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageStatus } from 'svix';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { exitCodes } from '../src/cli/exit-codes.ts';
import { runCli } from './support/cli-process.ts';
import { createTestDatabase } from './support/database.ts';
import type { TestDatabase } from './support/database.ts';
import { endAllPosthorn, startPosthorn, testToken } from './support/posthorn-process.ts';
import type { PosthornProcess } from './support/posthorn-process.ts';
import { startRecorder } from './support/recorder.ts';
import type { Recorder } from './support/recorder.ts';
import { waitFor } from './support/wait.ts';

interface Report {
  tasks: { id: string; endpointId: string; status: string; messagesSent: number; error: string | null }[];
  error?: { code: string };
}

let folder: string;
let database: TestDatabase;
let posthorn: PosthornProcess;
let receiver: Recorder;
let failing = false;
let app: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-replay-'));
  database = await createTestDatabase();
  posthorn = await startPosthorn(database.url, { POSTHORN_RETRY_SCHEDULE: '0' });
  receiver = await startRecorder();
  receiver.answer = () => ({ status: failing ? 500 : 200, body: '' });
});
afterAll(async () => {
  await endAllPosthorn();
  await receiver.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  failing = false;
  receiver.requests.length = 0;
  ({ id: app } = await posthorn.client.application.create({ name: 'x' }));
});

const replay = (...args: string[]) =>
  runCli(folder, ['replay', '--app', app, ...args], {
    env: { POSTHORN_SERVER_URL: posthorn.url, POSTHORN_TOKEN: testToken },
  });
async function replayJson(...args: string[]): Promise<{ code: number | null; report: Report }> {
  const { code, stdout } = await replay(...args, '--json');
  return { code, report: JSON.parse(stdout) as Report };
}
const makeEndpoint = async (path: string) =>
  (await posthorn.client.endpoint.create(app, { url: new URL(path, receiver.url).href })).id;
const send = async (eventType: string) =>
  (await posthorn.client.message.create(app, { eventType, payload: {} })).id;
const received = (path: string) =>
  receiver.requests.filter((one) => one.path === path).map(({ headers }) => String(headers['webhook-id']));

/** Sends messages of these types, and waits until each endpoint was asked once for each. */
async function delivered(types: string[], endpointCount: number): Promise<string[]> {
  const ids: string[] = [];
  for (const type of types) ids.push(await send(type));
  await waitFor(() => receiver.requests.length === types.length * endpointCount, { what: 'the deliveries' });
  await waitFor(
    async () => {
      const pages = await Promise.all(
        ids.map((id) => posthorn.client.messageAttempt.listAttemptedDestinations(app, id)),
      );
      return pages.every(
        ({ data }) => data.length === endpointCount && data.every(({ status }) => status % 2 === 0),
      );
    },
    { what: 'their ends' },
  );
  receiver.requests.length = 0;
  return ids;
}

describe('replay', () => {
  test('sends what was sent before again, to every enabled endpoint, and tells of it', async () => {
    await makeEndpoint('/one');
    await makeEndpoint('/two');
    const ids = await delivered(['a', 'b'], 2);
    const off = await makeEndpoint('/off');
    await posthorn.client.endpoint.patch(app, off, { disabled: true });
    const { code, stdout, stderr } = await replay('--since', '1h');
    expect(code).toBe(exitCodes.ok);
    expect(stdout).toMatch(/^(qtask_\w+ +ep_\w+ +finished +2 sent +0 skipped\n){2}$/);
    expect(stderr).toContain('2 of 2 tasks ended: 4 messages scheduled, 4 looked at\n');
    await waitFor(() => receiver.requests.length === 4, { what: 'the replay' });
    for (const path of ['/one', '/two']) expect(received(path).toSorted()).toEqual(ids.toSorted());
  });

  test('by filter, to one endpoint, as JSON', async () => {
    const endpoint = await makeEndpoint('/filtered');
    await makeEndpoint('/other');
    const [, wanted] = await delivered(['a', 'b', 'c'], 2);
    const only = ['--endpoint', endpoint, '--type', 'b', '--status', 'succeeded', '--response-class', '2xx'];
    const { code, report } = await replayJson(
      '--since',
      new Date(Date.now() - 60_000).toISOString(),
      ...only,
    );
    expect(code).toBe(exitCodes.ok);
    expect(report.tasks).toEqual([
      {
        id: expect.stringMatching(/^qtask_/),
        endpointId: endpoint,
        status: 'finished',
        messagesSent: 1,
        messagesSkipped: 0,
        messagesChecked: 3,
        error: null,
      },
    ]);
    await waitFor(() => receiver.requests.length === 1, { what: 'the replay' });
    expect(received('/filtered')).toEqual([wanted]);
    expect((await replayJson('--since', '1h', '--status', 'failed')).report.tasks).toMatchObject([
      { messagesSent: 0 },
      { messagesSent: 0 },
    ]);
    expect((await replayJson('--since', '2d', '--until', '1d')).report.tasks).toMatchObject([
      { messagesSent: 0 },
      { messagesSent: 0 },
    ]);
  });

  test('of what has failed, and of what is missing', async () => {
    const before = await send('a');
    await makeEndpoint('/late');
    expect((await replayJson('--since', '1h', '--missing')).report.tasks).toMatchObject([
      { messagesSent: 1 },
    ]);
    await waitFor(() => receiver.requests.length === 1, { what: 'what was missing' });
    expect(received('/late')).toEqual([before]);
    failing = true;
    const lost = await send('b');
    await waitFor(
      async () =>
        (await posthorn.client.messageAttempt.listAttemptedDestinations(app, lost)).data[0]?.status ===
          MessageStatus.Fail && received('/late').filter((id) => id === lost).length === 1,
      { what: 'the failure' },
    );
    failing = false;
    receiver.requests.length = 0;
    expect((await replayJson('--since', '1h', '--failed')).report.tasks).toMatchObject([{ messagesSent: 1 }]);
    await waitFor(() => receiver.requests.length === 1, { what: 'what had failed' });
    expect(received('/late')).toEqual([lost]);
  });

  test('--no-wait prints ids, and a task that is cancelled is a failure', async () => {
    await makeEndpoint('/unwatched');
    const { code, stdout } = await replay('--since', '1h', '--no-wait');
    expect(code).toBe(exitCodes.ok);
    expect(stdout).toMatch(/^qtask_\w+\n$/);
    const nobody = await posthorn.client.application.create({ name: 'empty' });
    const none = await runCli(folder, ['replay', '--app', nobody.id, '--since', '1h', '--json'], {
      env: { POSTHORN_SERVER_URL: posthorn.url, POSTHORN_TOKEN: testToken },
    });
    expect({ code: none.code, json: JSON.parse(none.stdout) as unknown }).toEqual({
      code: 0,
      json: { tasks: [] },
    });
  });

  test('what cannot be done is told by the exit code', async () => {
    const endpoint = await makeEndpoint('/refused');
    await posthorn.client.endpoint.patch(app, endpoint, { disabled: true });
    const ends = async (...args: string[]) => {
      const { code, report } = await replayJson(...args);
      return [code, report.error?.code];
    };
    expect(await ends('--since', 'yesterday')).toEqual([exitCodes.usage, 'usage']);
    expect(await ends('--since', '1h', '--failed', '--missing')).toEqual([exitCodes.usage, 'usage']);
    expect(await ends('--since', '1h', '--failed', '--type', 'a')).toEqual([exitCodes.usage, 'usage']);
    expect(await ends('--since', '1h', '--response-class', '700')).toEqual([exitCodes.usage, 'usage']);
    expect(await ends('--since', '1h', '--endpoint', 'nobody')).toEqual([exitCodes.notFound, 'not_found']);
    expect(await ends('--since', '1h', '--endpoint', endpoint)).toEqual([
      exitCodes.refused,
      'endpoint_disabled',
    ]);
    expect(await ends('--since', '91d', '--endpoint', endpoint)).toEqual([
      exitCodes.refused,
      'validation_error',
    ]);
    expect(await ends('--since', '1h', '--token', 'phk_wrong_token_x')).toEqual([
      exitCodes.auth,
      'authentication_failed',
    ]);
  });
});
