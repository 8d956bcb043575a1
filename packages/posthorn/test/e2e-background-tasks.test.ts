// Background tasks through real processes: what is recovered and replayed arrives, and a task outlives the process that
// works on it.
import pg from 'pg';
import { BackgroundTaskStatus, type Svix } from 'svix';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from './support/database.ts';
import { endAllPosthorn, startPosthorn, testToken } from './support/posthorn-process.ts';
import { type Recorder, startRecorder } from './support/recorder.ts';
import { waitFor } from './support/wait.ts';

const batchMax = 1_000;

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let sql: pg.Pool;
let receiver: Recorder;
let application: string;
let count = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  sql = new pg.Pool({ connectionString: database.url, max: 3 });
  sql.on('error', () => {});
});
beforeEach(async () => {
  receiver = await startRecorder();
  count += 1;
  application = `acme-${count}`;
});
afterEach(async () => {
  await endAllPosthorn();
  await receiver.stop();
});
afterAll(async () => {
  await sql.end();
  await database.drop();
});

const start = () => startPosthorn(database.url, { POSTHORN_RETRY_SCHEDULE: '0' });
const since = () => new Date(Date.now() - 3_600_000);

async function sendBatch(url: string, many: number): Promise<string[]> {
  const messages = Array.from({ length: many }, (_, n) => ({
    eventType: n % 2 ? 'odd' : 'even',
    payload: { n },
  }));
  const answer = await fetch(`${url}/api/v1/app/${application}/msg/batch`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ messages }),
  });
  const { data } = (await answer.json()) as { data: { message: { id: string } }[] };
  return data.map(({ message }) => message.id);
}

const received = () => receiver.requests.map(({ headers }) => String(headers['webhook-id']));

async function ended(client: Svix, id: string) {
  return waitFor(
    async () => {
      const task = await client.backgroundTask.get(id);
      return task.status === BackgroundTaskStatus.Running ? undefined : task;
    },
    { what: 'the end of the task' },
  );
}

const settled = (client: Svix, endpointId: string, success: number) =>
  waitFor(async () => (await client.endpoint.getStats(application, endpointId)).success === success, {
    what: `${success} deliveries that succeeded`,
  });

test('what failed is recovered, what was sent is replayed, and what was missed is sent', async () => {
  const { client, url } = await start();
  await client.application.create({ name: 'Acme', uid: application });
  receiver.answer = () => ({ status: 500 });
  const endpoint = await client.endpoint.create(application, { url: receiver.url });
  const ids = await sendBatch(url, 6);
  await waitFor(async () => (await client.endpoint.getStats(application, endpoint.id)).fail === 6, {
    what: 'six deliveries that failed for good',
  });

  receiver.answer = () => ({ status: 200 });
  receiver.requests.length = 0;
  const recovery = await client.endpoint.recover(application, endpoint.id, { since: since() });
  expect(await ended(client, recovery.id)).toMatchObject({ status: 'finished', data: { messagesSent: 6 } });
  await settled(client, endpoint.id, 6);
  expect(received().sort()).toEqual(ids.toSorted());
  const { data: attempts } = await client.messageAttempt.listByMsg(application, ids[0]!);
  expect(attempts.map(({ status, triggerType }) => [status, triggerType])).toEqual([
    [0, 1],
    [2, 0],
  ]);

  receiver.requests.length = 0;
  const replay = { since: since(), eventTypes: ['odd'] };
  const bulk = await client.endpoint.bulkReplay(application, endpoint.id, replay);
  expect(await ended(client, bulk.id)).toMatchObject({ status: 'finished', data: { messagesSent: 3 } });
  await waitFor(() => receiver.requests.length >= 3, { what: 'three replays' });
  await settled(client, endpoint.id, 6);
  expect(received().sort()).toEqual(ids.filter((_, n) => n % 2 === 1).toSorted());

  receiver.requests.length = 0;
  const late = await client.endpoint.create(application, { url: receiver.url, eventTypes: ['even'] });
  const missing = await client.endpoint.replayMissing(application, late.id, { since: since() });
  expect(await ended(client, missing.id)).toMatchObject({ status: 'finished', data: { messagesSent: 3 } });
  await settled(client, late.id, 3);
  expect(received().sort()).toEqual(ids.filter((_, n) => n % 2 === 0).toSorted());
  const nothing = await client.endpoint.replayMissing(application, late.id, { since: since() });
  expect(await ended(client, nothing.id)).toMatchObject({ status: 'finished', data: { messagesSent: 0 } });
});

test('what is sent right after its endpoint was enabled is not given up', async () => {
  const { client, url } = await start();
  await client.application.create({ name: 'Acme', uid: application });
  const endpoint = await client.endpoint.create(application, { url: receiver.url });
  const [id] = await sendBatch(url, 1);
  await settled(client, endpoint.id, 1);
  await client.endpoint.patch(application, endpoint.id, { disabled: true });
  // Somebody's message makes this process see it disabled.
  await sendBatch(url, 1);
  await client.endpoint.patch(application, endpoint.id, { disabled: false });
  await client.messageAttempt.resend(application, id!, endpoint.id);
  await waitFor(() => received().filter((one) => one === id).length === 2, { what: 'the resend' });
});

test('a process killed in the middle of a chunk: another one finishes the task, each message is delivered', async () => {
  const first = await start();
  await first.client.application.create({ name: 'Acme', uid: application });
  const ids: string[] = [];
  for (let i = 0; i < 3; i += 1) ids.push(...(await sendBatch(first.url, batchMax)));
  const endpoint = await first.client.endpoint.create(application, { url: receiver.url });
  // Somebody makes the delivery of a late message: a chunk has to wait for them.
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  await holder.query('begin');
  await holder.query(
    `insert into posthorn.delivery (application_id, message_id, endpoint_id, state)
     select application_id, id, $2, 'succeeded' from posthorn.message where id = $1`,
    [ids.toSorted()[2_500], endpoint.id],
  );
  const { id } = await first.client.endpoint.replayMissing(application, endpoint.id, { since: since() });
  await waitFor(
    async () => {
      const { data } = await first.client.backgroundTask.get(id);
      const waiting = await sql.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return data.messagesSent === 2 * batchMax && waiting.rows.length > 0;
    },
    { what: 'a chunk under way' },
  );
  await first.end('SIGKILL');
  const second = await start();
  expect(await second.client.backgroundTask.get(id)).toMatchObject({
    status: 'running',
    data: { messagesSent: 2 * batchMax },
  });
  await holder.query('rollback');
  await holder.end();
  expect(await ended(second.client, id)).toMatchObject({
    status: 'finished',
    data: { messagesSent: ids.length, messagesSkipped: 0, messagesChecked: ids.length },
  });
  await settled(second.client, endpoint.id, ids.length);
  expect([...new Set(received())].sort()).toEqual(ids.toSorted());
  const { rows } = await sql.query('select from posthorn.delivery where endpoint_id = $1', [endpoint.id]);
  expect(rows).toHaveLength(ids.length);
});
