// Issues through a real process: opened by what fails, told to the operator, replayed, and ended by what succeeds.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runCli } from './support/cli-process.ts';
import { createTestDatabase } from './support/database.ts';
import type { TestDatabase } from './support/database.ts';
import { gatewayClient } from './support/gateway.ts';
import type { GatewayClient } from './support/gateway.ts';
import { endAllPosthorn, startPosthorn, testToken } from './support/posthorn-process.ts';
import type { PosthornProcess } from './support/posthorn-process.ts';
import { startRecorder } from './support/recorder.ts';
import type { Recorder } from './support/recorder.ts';
import { waitFor } from './support/wait.ts';

let database: TestDatabase;
let posthorn: PosthornProcess;
let gateway: GatewayClient;
let db: pg.Client;
let receiver: Recorder;
let operator: Recorder;

const start = async () => {
  posthorn = await startPosthorn(database.url, { POSTHORN_RETRY_SCHEDULE: '0' });
  gateway = gatewayClient(posthorn);
};

beforeAll(async () => {
  database = await createTestDatabase();
  db = new pg.Client({ connectionString: database.url });
  await db.connect();
  await start();
});
beforeEach(async () => {
  [receiver, operator] = await Promise.all([startRecorder(), startRecorder()]);
});
afterEach(async () => {
  const { endpoint } = posthorn.client.operationalWebhook;
  for (const { id } of (await endpoint.list()).data) await endpoint.delete(id);
  await Promise.all([receiver.stop(), operator.stop()]);
});
afterAll(async () => {
  await endAllPosthorn();
  await db.end();
  await database.drop();
});

interface Issue {
  id: string;
  state: string;
  count: number;
  [field: string]: unknown;
}

async function list(path: string): Promise<Issue[]> {
  const answer = await gateway.api('GET', `/api/v1${path}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.body.data as Issue[];
}

/** Waits for one issue of the application that is as it should be. */
function issueOf(app: string, isRight: (issue: Issue) => boolean): Promise<Issue> {
  return waitFor(async () => (await list(`/app/${app}/issue`)).find(isRight), {
    what: 'the issue',
  });
}

async function post(app: string, issue: string, action: string, status = 200) {
  const answer = await gateway.api('POST', `/api/v1/app/${app}/issue/${issue}/${action}`);
  expect(answer.status, answer.text).toBe(status);
  return answer.body as Record<string, unknown> & { id: string };
}

const finished = (task: string) =>
  waitFor(
    async () => {
      const { body } = await gateway.api('GET', `/api/v1/background-task/${task}`);
      return body.status === 'finished' && (body.data as Record<string, unknown>);
    },
    { what: 'the task' },
  );

/** As if a minute had passed since anything was seen. */
const letTimePass = (app: string) =>
  db.query(
    "update posthorn.issue set last_seen_at = last_seen_at - interval '2 minutes' where application_id = $1",
    [app],
  );

async function listen(): Promise<void> {
  await posthorn.client.operationalWebhook.endpoint.create({
    url: operator.url,
    eventTypes: ['issue.opened', 'issue.resolved'],
  });
}

const told = () =>
  operator.requests.map(({ body }) => JSON.parse(body.toString()) as { type: string; data: Issue });

async function sendTo(url: string, count: number): Promise<{ app: string; endpoint: string }> {
  const { id: app } = await posthorn.client.application.create({ name: 'Acme' });
  const { id: endpoint } = await posthorn.client.endpoint.create(app, { url });
  await send(app, count);
  return { app, endpoint };
}

async function send(app: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1)
    await posthorn.client.message.create(app, { eventType: 'a', payload: { n } });
}

describe('of an endpoint', () => {
  test('is opened once, told once, replayed as a whole, and resolved by success', async () => {
    await listen();
    receiver.answer = () => ({ status: 503 });
    const { app, endpoint } = await sendTo(receiver.url, 5);
    const opened = await issueOf(app, ({ count }) => count === 5);
    expect(opened).toMatchObject({
      state: 'open',
      appId: app,
      sourceId: null,
      endpointId: endpoint,
      outcome: 'rejected',
      reason: '5xx',
      responseStatusCode: 503,
      detail: 'The receiver answered 503: the receiver is not available now; it will be tried again.',
      exhaustedCount: 5,
      openedCount: 1,
      resolvedAt: null,
    });
    const sample = opened.sample as { msgId: string; attemptId: string };
    const attempt = await posthorn.client.messageAttempt.get(app, sample.msgId, sample.attemptId);
    expect(attempt.responseStatusCode).toBe(503);
    await waitFor(() => told().length > 0, { what: 'the operator to be told' });
    expect(told()[0]).toMatchObject({ type: 'issue.opened', data: { issueId: opened.id, appId: app } });

    receiver.answer = () => ({ status: 200 });
    const { id: task } = await post(app, opened.id, 'replay', 202);
    expect(await finished(task)).toMatchObject({ messagesSent: 5, messagesSkipped: 0, endpointId: endpoint });
    await waitFor(() => receiver.answeredCount() === 10, { what: 'the messages to arrive' });
    await letTimePass(app);
    const resolved = await issueOf(app, ({ state }) => state === 'resolved');
    expect(resolved).toMatchObject({ id: opened.id, resolvedBy: 'success', count: 5 });
    await waitFor(() => told().length > 1, { what: 'the operator to be told' });
    expect(told().map(({ type }) => type)).toEqual(['issue.opened', 'issue.resolved']);
    // Nothing is affected any more.
    const { id: again } = await post(app, opened.id, 'replay', 202);
    expect(await finished(again)).toMatchObject({ messagesSent: 0, messagesSkipped: 0 });
  });

  test('replays what failed for its cause, and nothing else', async () => {
    receiver.answer = () => ({ status: 404 });
    const { app } = await sendTo(receiver.url, 1);
    await issueOf(app, ({ reason }) => reason === '4xx');
    receiver.answer = () => ({ status: 500 });
    await send(app, 2);
    const { id } = await issueOf(app, ({ reason, count }) => reason === '5xx' && count === 2);
    const { id: task } = await post(app, id, 'replay', 202);
    expect(await finished(task)).toMatchObject({ messagesSent: 2, messagesChecked: 3 });
  });

  test('is not lost when the process dies before it was counted', async () => {
    receiver.answer = () => ({ status: 500 });
    const { app } = await sendTo(receiver.url, 0);
    // Nobody counts while the row that says who does is taken.
    await db.query('begin');
    await db.query('select pg_advisory_xact_lock(7069869)');
    await send(app, 3);
    await waitFor(
      async () => {
        const { rows } = await db.query(
          'select sum(count)::integer as n from posthorn.issue_sighting where application_id = $1',
          [app],
        );
        return rows[0].n === 3;
      },
      { what: 'three failures' },
    );
    await posthorn.end('SIGKILL');
    await db.query('commit');
    await start();
    expect(await issueOf(app, () => true)).toMatchObject({ state: 'open', count: 3, exhaustedCount: 3 });
  });

  test('is listed and handled by the command line', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'posthorn-issues-'));
    try {
      receiver.answer = () => ({ status: 401 });
      const { app } = await sendTo(receiver.url, 1);
      const { id } = await issueOf(app, () => true);
      const env = { POSTHORN_SERVER_URL: posthorn.url, POSTHORN_TOKEN: testToken };
      const listed = await runCli(folder, ['issues', '--app', app], { env });
      expect(listed).toMatchObject({ code: 0, stderr: '' });
      expect(listed.stdout).toContain(id);
      expect(listed.stdout).toContain('check the signing secret');
      const ignored = await runCli(folder, ['issues', 'ignore', id, '--app', app], { env });
      expect(ignored).toMatchObject({ code: 0, stdout: `${id}\n`, stderr: '' });
      const none = await runCli(folder, ['issues', '--app', app, '--json'], { env });
      expect(JSON.parse(none.stdout)).toEqual({ data: [], done: true });
      const all = await runCli(folder, ['issues', '--state', 'ignored', '--app', app], { env });
      expect(all.stdout).toContain(id);
      expect((await runCli(folder, ['issues', 'replay', id], { env })).code).toBe(2);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('of a source', () => {
  test('is what it refuses, replayed once it is mended, and resolved', async () => {
    await listen();
    const source = await gateway.source({ uid: 'wrong-secret', config: { secret: 'not the one' } });
    await gateway.endpoint(source, { url: receiver.url });
    for (let n = 0; n < 3; n += 1) expect((await gateway.push(source)).status).toBe(401);
    const opened = await issueOf(source.id, ({ count }) => count === 3);
    expect(opened).toMatchObject({
      state: 'open',
      sourceId: source.id,
      endpointId: null,
      outcome: 'refused',
    });
    const [refused] = await gateway.requests(source, 'rejected');
    expect(opened).toMatchObject({ reason: refused!.reason, detail: refused!.detail });
    expect(opened.sample).toMatchObject({ requestId: refused!.id });
    expect(await list('/issue?state=open&source=wrong-secret')).toEqual([opened]);
    // An issue of a test before may be told, too.
    const ofThis = () => told().find(({ data }) => data.issueId === opened.id);
    const { data } = await waitFor(ofThis, { what: 'the operator to be told' });
    expect(data).toMatchObject({ appUid: 'wrong-secret' });

    const mend = { config: { secret: 'It is a Secret to Everybody' } };
    expect((await gateway.api('PATCH', `/ingest/api/v1/source/${source.id}`, mend)).status).toBe(200);
    const { id: task } = await post(source.id, opened.id, 'replay', 202);
    expect(await finished(task)).toMatchObject({ requestsReplayed: 3, requestsSkipped: 0 });
    await waitFor(() => receiver.requests.length === 3, { what: 'the events to arrive' });
    await letTimePass(source.id);
    expect(await issueOf(source.id, ({ state }) => state === 'resolved')).toMatchObject({ id: opened.id });
    expect(await list('/issue?state=open&source=wrong-secret')).toEqual([]);
  });
});
