// Operational webhooks: the operator is told of endpoints and attempts, by signed messages, and nothing of it is lost.
import { verify } from '@posthorn/webhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import pg from 'pg';
import { createTestDatabase } from './support/database.ts';
import type { TestDatabase } from './support/database.ts';
import { endAllPosthorn, startPosthorn } from './support/posthorn-process.ts';
import type { PosthornProcess } from './support/posthorn-process.ts';
import { startRecorder } from './support/recorder.ts';
import type { Recorder } from './support/recorder.ts';
import { waitFor } from './support/wait.ts';

let database: TestDatabase;
let posthorn: PosthornProcess;
let operator: Recorder;
let customer: Recorder;
let db: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  db = new pg.Client({ connectionString: database.url });
  await db.connect();
  posthorn = await startPosthorn(database.url, { POSTHORN_RETRY_SCHEDULE: '0,0,0,0,0,0' });
});
afterAll(async () => {
  await endAllPosthorn();
  await db.end();
  await database.drop();
});
beforeEach(async () => {
  [operator, customer] = await Promise.all([startRecorder(), startRecorder()]);
});
afterEach(async () => {
  // What is still to be told of this test is not told to the next one.
  await emptyOutbox();
  const { data } = await posthorn.client.operationalWebhook.endpoint.list();
  for (const { id } of data) await posthorn.client.operationalWebhook.endpoint.delete(id);
  await Promise.all([operator.stop(), customer.stop()]);
});

interface Told {
  type: string;
  data: Record<string, unknown>;
}

const told = (): Told[] => operator.requests.map(({ body }) => JSON.parse(body.toString()) as Told);
const toldOf = (type: string) => told().filter((event) => event.type === type);
const types = () => told().map(({ type }) => type);

const emptyOutbox = () =>
  waitFor(async () => (await db.query('select from posthorn.outbox')).rows.length === 0, {
    what: 'an empty outbox',
  });

async function listen(): Promise<string> {
  const { id } = await posthorn.client.operationalWebhook.endpoint.create({ url: operator.url });
  return id;
}

describe('endpoints', () => {
  test('what happens to one is told, with the ids and uids', async () => {
    await listen();
    const { endpoint, application } = posthorn.client;
    const app = await application.create({ name: 'Acme', uid: 'acme' });
    const { id } = await endpoint.create(app.id, { url: customer.url, uid: 'main' });
    await endpoint.patch(app.id, id, { description: 'new' });
    await endpoint.patch(app.id, id, { disabled: true });
    await endpoint.patch(app.id, id, { disabled: false });
    await endpoint.delete(app.id, id);
    await waitFor(() => operator.requests.length >= 5, { what: 'five events' });
    expect(types().toSorted()).toEqual([
      'endpoint.created',
      'endpoint.deleted',
      'endpoint.disabled',
      'endpoint.enabled',
      'endpoint.updated',
    ]);
    const about = { appId: app.id, appUid: 'acme', endpointId: id, endpointUid: 'main' };
    expect(toldOf('endpoint.created')).toEqual([{ type: 'endpoint.created', data: about }]);
    expect(toldOf('endpoint.disabled')[0]?.data).toEqual({ ...about, failSince: null, trigger: 'manual' });
    await application.delete(app.id);
  });

  test('one that is gone is disabled by itself', async () => {
    await listen();
    customer.answer = () => ({ status: 410 });
    const app = await posthorn.client.application.create({ name: 'Acme' });
    await posthorn.client.endpoint.create(app.id, { url: customer.url });
    await posthorn.client.message.create(app.id, { eventType: 'a', payload: {} });
    await waitFor(() => toldOf('endpoint.disabled').length > 0, { what: 'the event' });
    const data = toldOf('endpoint.disabled')[0]?.data;
    expect(data).toMatchObject({ trigger: 'automatic' });
    expect(Date.parse(String(data?.failSince))).toBeGreaterThan(Date.now() - 60_000);
  });

  test('what happens to the operator’s own endpoints is told to nobody', async () => {
    const id = await listen();
    await posthorn.client.operationalWebhook.endpoint.upsert(id, { url: operator.url, description: 'x' });
    operator.answer = () => ({ status: 500 });
    const app = await posthorn.client.application.create({ name: 'Acme' });
    await posthorn.client.endpoint.create(app.id, { url: customer.url });
    // The first event and its retries, to the end.
    await waitFor(
      async () => {
        const { rows } = await db.query(
          `select from posthorn.delivery d where d.endpoint_id = $1 and d.state = 'exhausted'`,
          [id],
        );
        return rows.length === 1;
      },
      { what: 'the delivery to be exhausted' },
    );
    // That something failed at the endpoint of a test before may be found only now.
    const isOfBefore = ({ data }: Told) =>
      typeof data.appId === 'string' && data.appId !== app.id && data.endpointId !== id;
    const ofThis = told().filter((event) => !isOfBefore(event));
    expect(new Set(ofThis.map(({ type }) => type))).toEqual(new Set(['endpoint.created']));
    const { rows } = await db.query(
      `select from posthorn.message_body where position($1 in convert_from(payload, 'UTF8')) > 0`,
      [id],
    );
    expect(rows).toHaveLength(0);
  });

  test('an operator with event types is told of these alone, and the signature verifies', async () => {
    const { endpoint } = posthorn.client.operationalWebhook;
    const { id } = await endpoint.create({ url: operator.url, eventTypes: ['endpoint.deleted'] });
    const app = await posthorn.client.application.create({ name: 'Acme' });
    const { id: endpointId } = await posthorn.client.endpoint.create(app.id, { url: customer.url });
    await posthorn.client.endpoint.delete(app.id, endpointId);
    const first = await waitFor(() => operator.requests[0], { what: 'an event' });
    const { key } = await endpoint.getSecret(id);
    const verdict = await verify({ body: first.body, headers: first.headers, secrets: key });
    expect(verdict.ok).toBe(true);
    expect(types()).toEqual(['endpoint.deleted']);
  });
});

describe('attempts', () => {
  async function send(eventId?: string) {
    const app = await posthorn.client.application.create({ name: 'Acme', uid: `u-${eventId ?? 'none'}` });
    const endpoint = await posthorn.client.endpoint.create(app.id, { url: customer.url, uid: 'e' });
    const message = await posthorn.client.message.create(app.id, {
      eventType: 'a',
      payload: {},
      ...(eventId === undefined ? {} : { eventId }),
    });
    return { app, endpoint, message };
  }

  test('failing after the fourth, exhausted at the end, recovered by a resend, each once', async () => {
    await listen();
    customer.answer = () => ({ status: 503 });
    const { app, endpoint, message } = await send('order-1');
    await waitFor(() => toldOf('message.attempt.exhausted').length > 0, { what: 'exhausted' });
    await waitFor(() => toldOf('message.attempt.failing').length > 0, { what: 'failing' });
    const about = {
      appId: app.id,
      appUid: 'u-order-1',
      endpointId: endpoint.id,
      endpointUid: 'e',
      msgId: message.id,
      msgEventId: 'order-1',
    };
    const { data: attempts } = await posthorn.client.messageAttempt.listByMsg(app.id, message.id);
    const lastAttempt = { id: attempts[0]?.id, responseStatusCode: 503 };
    expect(toldOf('message.attempt.exhausted')).toEqual([
      {
        type: 'message.attempt.exhausted',
        data: { ...about, lastAttempt: expect.objectContaining(lastAttempt) },
      },
    ]);
    expect(toldOf('message.attempt.failing').map(({ data }) => data)).toEqual([
      { ...about, lastAttempt: expect.objectContaining({ id: attempts[2]?.id }) },
    ]);

    customer.answer = () => ({ status: 200 });
    await posthorn.client.messageAttempt.resend(app.id, message.id, endpoint.id);
    await waitFor(() => toldOf('message.attempt.recovered').length > 0, { what: 'recovered' });
    // A second resend recovers nothing: what is told after it shows that it was passed over.
    await posthorn.client.messageAttempt.resend(app.id, message.id, endpoint.id);
    await waitFor(() => customer.answeredCount() === 8, { what: 'the second resend' });
    await posthorn.client.endpoint.delete(app.id, endpoint.id);
    await waitFor(() => toldOf('endpoint.deleted').length > 0, { what: 'the last event' });
    expect(toldOf('message.attempt.recovered')).toHaveLength(1);
  });

  test('nothing that was settled before a kill goes untold', async () => {
    await listen();
    customer.answer = () => ({ status: 410 });
    const apps = await Promise.all(
      Array.from({ length: 20 }, (_, n) => posthorn.client.application.create({ name: `k${n}` })),
    );
    await Promise.all(apps.map(({ id }) => posthorn.client.endpoint.create(id, { url: customer.url })));
    await Promise.all(
      apps.map(({ id }) => posthorn.client.message.create(id, { eventType: 'a', payload: {} })),
    );
    await waitFor(() => customer.requests.length >= 10, { what: 'attempts' });
    await posthorn.end('SIGKILL');
    posthorn = await startPosthorn(database.url);
    const ids = apps.map(({ id }) => id);
    await waitFor(
      async () => {
        const { rows } = await db.query(
          `select from posthorn.delivery where state = 'exhausted' and application_id = any ($1)`,
          [ids],
        );
        return rows.length === apps.length;
      },
      { what: 'all deliveries to end' },
    );
    const toldApps = () =>
      toldOf('message.attempt.exhausted')
        .map(({ data }) => String(data.appId))
        .filter((id) => ids.includes(id));
    await waitFor(() => new Set(toldApps()).size === apps.length, {
      what: 'every exhausted delivery to be told',
    });
    // That the endpoints were disabled, by the 410, is told a moment later.
    await emptyOutbox();
  });
});
