// Transformations through the real process: what arrives, what can be seen, and that loops hold up nobody else.
import { Client } from 'pg';
import { Webhook } from 'standardwebhooks';
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
let base: string;

beforeAll(async () => {
  database = await createTestDatabase();
  [posthorn, receiver] = await Promise.all([startPosthorn(database.url), startRecorder()]);
  base = `http://127.0.0.1:${receiver.port}`;
});
afterAll(async () => {
  await Promise.all([endAllPosthorn(), receiver.stop()]);
  await database.drop();
});

const call = async (method: string, path: string, body?: unknown) =>
  (await request({ url: posthorn.url, token: testToken }, method, `/api/v1${path}`, body)).body;

async function register(app: string, code: string, headers = {}): Promise<void> {
  await posthorn.client.application.create({ name: app, uid: app });
  await posthorn.client.endpoint.create(app, { uid: 'main', url: `${base}/${app}`, headers });
  await posthorn.client.endpoint.transformation.patch(app, 'main', { code, enabled: true });
}

const send = (app: string, payload: object) =>
  posthorn.client.message.create(app, { eventType: 'order.paid', payload });

const arrived = (path: string) => receiver.requests.filter((one) => one.path === path);

const body = (statements: string) => `function handler(webhook) { ${statements} return webhook; }`;

test('what the code made is signed and sent, under the id of the message', async () => {
  const code = body(`webhook.url += '/changed'; webhook.headers['X-One'] = 'new';
    webhook.payload = { type: webhook.eventType, was: webhook.payload };`);
  await register('made', code, { 'x-one': 'old', 'x-two': 'kept' });
  const message = await send('made', { n: 1 });
  const [got] = await waitFor(() => arrived('/made/changed').length > 0 && arrived('/made/changed'), {
    what: 'it',
  });
  expect(String(got!.body)).toBe('{"type":"order.paid","was":{"n":1}}');
  expect(got!.headers).toMatchObject({ 'webhook-id': message.id, 'x-two': 'kept' });
  expect(got!.headersDistinct['x-one']).toEqual(['new']);
  const { key } = await posthorn.client.endpoint.getSecret('made', 'main');
  const headers = Object.fromEntries(
    Object.entries(got!.headers).map(([name, value]) => [name, String(value)]),
  );
  expect(new Webhook(key).verify(String(got!.body), headers)).toEqual({ type: 'order.paid', was: { n: 1 } });
});

test('code that fails is an attempt that failed; mended, what waited is delivered', async () => {
  await register('mended', body('webhook.payload.missing.x = 1;'));
  const { id } = await send('mended', { n: 1 });
  const attempts = async () =>
    (await call('GET', `/app/mended/attempt/msg/${id}`)).data as Record<string, unknown>[];
  await waitFor(async () => (await attempts()).length > 0, { what: 'a failed attempt' });
  expect((await attempts()).at(-1)).toMatchObject({
    outcome: 'unreachable',
    reason: 'transformation',
    detail: expect.stringContaining('TypeError'),
    responseStatusCode: 0,
  });
  expect(arrived('/mended')).toEqual([]);
  await posthorn.client.endpoint.transformation.patch('mended', 'main', {
    code: body('webhook.payload.ok = 1;'),
  });
  await waitFor(() => arrived('/mended').length === 1, { what: 'the mended delivery' });
  expect(String(arrived('/mended')[0]!.body)).toBe('{"n":1,"ok":1}');
});

test('what the code cancels is not sent and says so, and a forbidden URL is not reached', async () => {
  await register('cancelled', body('webhook.cancel = webhook.payload.n === 1;'));
  const { id } = await send('cancelled', { n: 1 });
  const shown = async (app: string, messageId: string) =>
    ((await call('GET', `/app/${app}/msg/${messageId}/endpoint`)).data as Record<string, unknown>[])[0];
  await waitFor(async () => (await shown('cancelled', id))?.statusText === 'canceled', { what: 'canceled' });
  expect(await shown('cancelled', id)).toMatchObject({ cancelReason: 'transformation' });
  await send('cancelled', { n: 2 });
  await waitFor(() => arrived('/cancelled').length === 1, { what: 'the other one' });
  expect(String(arrived('/cancelled')[0]!.body)).toBe('{"n":2}');

  await register('inside', body('webhook.url = "http://169.254.169.254/latest";'));
  const inside = await send('inside', {});
  await waitFor(
    async () => {
      const { data } = await call('GET', `/app/inside/attempt/msg/${inside.id}`);
      return (data as Record<string, unknown>[]).some(({ reason }) => reason === 'forbidden_address');
    },
    { what: 'the refusal' },
  );
});

test('a URL with what PostgreSQL stores not is an attempt like any other', async () => {
  await register('odd', body(String.raw`webhook.url += '/\u0000x';`));
  const { id } = await send('odd', {});
  const shown = async () =>
    (await call('GET', `/app/odd/attempt/msg/${id}`)).data as Record<string, unknown>[];
  await waitFor(async () => (await shown()).length > 0, { what: 'the attempt' });
  expect(await shown()).toMatchObject([{ outcome: 'accepted', responseStatusCode: 200 }]);
  expect(arrived('/odd/%00x')).toHaveLength(1);
});

test('a hundred endpoints whose code loops do not keep another application from its deliveries', async () => {
  const direct = new Client({ connectionString: database.url });
  await direct.connect();
  await register('good', body('webhook.payload.ok = true;'));
  await register('loops', body(''));
  await direct.query(
    `insert into posthorn.endpoint (id, application_id, url)
     select 'ep_loop' || lpad(n::text, 4, '0'), id, $1 from posthorn.application, generate_series(1, 100) n
     where uid = 'loops'`,
    [`${base}/loops`],
  );
  await direct.query(
    `insert into posthorn.endpoint_secret (id, endpoint_id, secret_sealed)
     select 'sec_' || id, id, '\\x00' from posthorn.endpoint where id like 'ep_loop%'`,
  );
  await direct.query(
    `insert into posthorn.endpoint_transformation (endpoint_id, code, enabled)
     select id, $1, true from posthorn.endpoint where id like 'ep_loop%'`,
    [body('for (;;) {}')],
  );
  await direct.end();
  await send('loops', { n: 0 });
  for (let n = 0; n < 20; n += 1) await send('good', { n });
  await waitFor(() => arrived('/good').length === 20, { what: 'the good deliveries' });
  const { data } = await call('GET', '/app/loops/attempt/endpoint/ep_loop0100');
  expect((data as unknown[]).length).toBeLessThan(5);
  const looped = async () =>
    ((await call('GET', '/app/loops/attempt/endpoint/ep_loop0001')).data as Record<string, unknown>[])[0];
  await waitFor(async () => (await looped())?.reason === 'transformation', {
    what: 'a loop found',
  });
});
