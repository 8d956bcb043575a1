// Filters through the real process: who gets a message, and that those who do not can be seen.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { request } from './support/api.ts';
import { createTestDatabase } from './support/database.ts';
import {
  endAllPosthorn,
  type PosthornProcess,
  startPosthorn,
  testToken,
} from './support/posthorn-process.ts';
import { type Recorder, startRecorder } from './support/recorder.ts';
import { waitFor } from './support/wait.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let posthorn: PosthornProcess;
let receiver: Recorder;

beforeAll(async () => {
  database = await createTestDatabase();
  [posthorn, receiver] = await Promise.all([startPosthorn(database.url), startRecorder()]);
});
afterAll(async () => {
  await Promise.all([endAllPosthorn(), receiver.stop()]);
  await database.drop();
});

const call = async (method: string, path: string, body?: unknown) =>
  (await request({ url: posthorn.url, token: testToken }, method, `/api/v1${path}`, body)).body;

interface Destination {
  uid: string;
  statusText: string;
  cancelReason: string | null;
  cancelDetail: string | null;
}

async function destinations(app: string, messageId: string): Promise<Record<string, Destination>> {
  const { data } = (await call('GET', `/app/${app}/msg/${messageId}/endpoint`)) as { data: Destination[] };
  return Object.fromEntries(data.map((one) => [one.uid, one]));
}

async function register(app: string, endpoints: Record<string, object>): Promise<void> {
  await posthorn.client.application.create({ name: app, uid: app });
  for (const [uid, more] of Object.entries(endpoints)) {
    await call('POST', `/app/${app}/endpoint`, {
      uid,
      url: `http://127.0.0.1:${receiver.port}/${app}/${uid}`,
      ...more,
    });
  }
}

const pathsOf = (app: string) =>
  receiver.requests
    .map(({ path }) => path)
    .filter((path) => path.startsWith(`/${app}/`))
    .toSorted();

const send = (app: string, payload: object) =>
  posthorn.client.message.create(app, { eventType: 'order.paid', payload });

test('only endpoints whose filter is true get the message; the others show why not, and can be sent it', async () => {
  const app = 'filters';
  await register(app, {
    all: {},
    large: { filter: 'payload.amount > 1000' },
    small: { filter: 'payload.amount <= 1000' },
    broken: { filter: 'payload.total > 1' },
    ordered: { filter: 'payload.amount > 1000', ordering: { mode: 'fifo' } },
  });
  const { id } = await send(app, { amount: 5 });
  await waitFor(() => pathsOf(app).length === 2, { what: 'two deliveries' });
  expect(pathsOf(app)).toEqual([`/${app}/all`, `/${app}/small`]);
  const shown = await destinations(app, id);
  expect(shown.large).toMatchObject({ statusText: 'canceled', cancelReason: 'filter' });
  expect(shown.ordered).toMatchObject({ statusText: 'canceled', cancelReason: 'filter' });
  expect(shown.broken).toMatchObject({ statusText: 'canceled', cancelReason: 'filter_error' });
  expect(shown.broken?.cancelDetail).toContain('No such key: total');
  expect(shown.all).toMatchObject({ cancelReason: null, cancelDetail: null });

  await posthorn.client.messageAttempt.resend(app, id, 'large');
  await waitFor(() => pathsOf(app).length === 3, { what: 'what was sent by hand' });
  expect(pathsOf(app)).toContain(`/${app}/large`);
  await waitFor(async () => (await destinations(app, id)).large?.statusText === 'success', {
    what: 'success',
  });
  expect((await destinations(app, id)).large?.cancelReason).toBeNull();
});

test('a changed filter counts for the next message, also in the middle of an order', async () => {
  const app = 'changed';
  await register(app, { one: { filter: 'payload.n == 1', ordering: { mode: 'fifo' } } });
  for (const n of [0, 1, 2]) await send(app, { n });
  await call('PATCH', `/app/${app}/endpoint/one`, { filter: 'payload.n == 2' });
  for (const n of [0, 1, 2]) await send(app, { n });
  await call('PATCH', `/app/${app}/endpoint/one`, { filter: null });
  await send(app, { n: 3 });
  const bodies = () =>
    receiver.requests.filter(({ path }) => path.startsWith(`/${app}/`)).map(({ body }) => String(body));
  await waitFor(() => bodies().length === 3, { what: 'three deliveries' });
  expect(bodies()).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
});

test('what comes up for a disabled endpoint says so', async () => {
  const app = 'disabled';
  await register(app, { gone: {} });
  receiver.answer = ({ path }) => ({ status: path === `/${app}/gone` ? 500 : 200 });
  const { id } = await send(app, {});
  await waitFor(() => pathsOf(app).length === 1, { what: 'the first attempt' });
  await call('PATCH', `/app/${app}/endpoint/gone`, { disabled: true });
  await waitFor(async () => (await destinations(app, id)).gone?.statusText === 'canceled', {
    what: 'canceled',
  });
  expect((await destinations(app, id)).gone).toMatchObject({ cancelReason: 'endpoint_disabled' });
});
