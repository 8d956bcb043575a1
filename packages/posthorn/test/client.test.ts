// The client of the whole API: as its document shows it, as its types say, and against a real server.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import { createClient, PosthornError } from '../src/client/client.ts';
import type { Answer, Client, ClientOptions, Input, Item, ListRoute } from '../src/client/client.ts';
import { startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

const run = promisify(execFile);
type Fetch = NonNullable<ClientOptions['fetch']>;

let posthorn: TestApi;
let client: Client;
beforeAll(async () => {
  posthorn = await startTestApi();
  client = createClient(posthorn);
});
afterAll(() => posthorn.stop());

async function failureOf(call: Promise<unknown>): Promise<PosthornError> {
  const error: unknown = await call.catch((reason: unknown) => reason);
  if (error instanceof PosthornError) return error;
  throw new Error('there was no refusal', { cause: error });
}

describe('a request', () => {
  test('sends what its route takes, and gives the answer', async () => {
    const app = await client.request('POST /api/v1/app', { body: { name: 'Acme', uid: 'acme.1' } });
    expect(app).toMatchObject({ name: 'Acme', uid: 'acme.1' });
    const again = { query: { get_if_exists: true }, body: { name: 'Acme', uid: 'acme.1' } };
    expect((await client.request('POST /api/v1/app', again)).id).toBe(app.id);
    const endpoint = await client.request('POST /api/v1/app/{app}/endpoint', {
      params: { app: 'acme.1' },
      body: { url: 'https://example.com/hooks' },
    });
    const params = { app: app.id, endpoint: endpoint.id };
    const headers = { params, body: { headers: { 'x-plan': 'gold' } } };
    expect(
      await client.request('PUT /api/v1/app/{app}/endpoint/{endpoint}/headers', headers),
    ).toBeUndefined();
    const read = await client.request('GET /api/v1/app/{app}/endpoint/{endpoint}/headers', { params });
    expect(read.headers).toEqual({ 'x-plan': 'gold' });
  });

  test('with an idempotency key is answered the same when it is sent again', async () => {
    const input = { body: { name: 'Once' }, idempotencyKey: 'once' };
    const first = await client.request('POST /api/v1/app', input);
    expect(await client.request('POST /api/v1/app', input)).toEqual(first);
  });

  test('that is refused throws the status, the code and the reason', async () => {
    const missing = await failureOf(client.request('GET /api/v1/app/{app}', { params: { app: 'a/b ?' } }));
    expect(missing).toMatchObject({ status: 404, code: 'not_found', detail: 'Application not found' });
    expect(missing.message).toBe('GET /api/v1/app/{app} was answered 404 not_found: Application not found');
    const wrong = await failureOf(client.request('POST /api/v1/app', { body: { name: '' } }));
    expect(wrong).toMatchObject({ status: 422, code: 'validation_error' });
    expect(wrong.detail).toMatchObject([{ loc: ['body', 'name'] }]);
    const stranger = createClient({ url: `${posthorn.url}/`, token: 'phk_nobody_knows_it' });
    expect((await failureOf(stranger.request('GET /api/v1/app'))).status).toBe(401);
  });

  test('is told apart from what another server says', async () => {
    const page = () => Promise.resolve(new Response('<html>gone</html>', { status: 502 }));
    const elsewhere = createClient({ url: 'http://proxy.test', token: 'x', fetch: page });
    const error = await failureOf(elsewhere.request('GET /api/v1/app'));
    expect(error).toMatchObject({ status: 502, code: '', detail: '<html>gone</html>' });
  });

  test('is not sent without what its path needs', async () => {
    await expect(client.request('GET /api/v1/app/{app}', { params: { app: '' } })).rejects.toThrow(TypeError);
  });

  test('ends when its signal says so', async () => {
    const signal = AbortSignal.abort();
    await expect(client.request('GET /api/v1/app', { signal })).rejects.toThrow('aborted');
  });
});

test('each goes through a list, and stops asking when nobody wants more', async () => {
  const asked: string[] = [];
  const counting: Fetch = (url, init) => {
    asked.push(url);
    return fetch(url, init);
  };
  const counted = createClient({ ...posthorn, fetch: counting });
  const uids = ['p1', 'p2', 'p3', 'p4', 'p5'];
  const { id: app } = await client.request('POST /api/v1/app', { body: { name: 'Paged' } });
  for (const uid of uids) {
    await client.request('POST /api/v1/app/{app}/endpoint', {
      params: { app },
      body: { url: 'https://example.com/', uid },
    });
  }
  const list = { params: { app }, query: { limit: 2, order: 'ascending' as const } };
  const found: (string | null)[] = [];
  for await (const { uid } of counted.each('GET /api/v1/app/{app}/endpoint', list)) found.push(uid);
  expect(found).toEqual(uids);
  expect(asked.length).toBe(3);
  for await (const { uid } of counted.each('GET /api/v1/app/{app}/endpoint', list)) {
    expect(uid).toBe('p1');
    break;
  }
  expect(asked.length).toBe(4);
});

test('a list in the query is its name repeated', async () => {
  const asked: string[] = [];
  const answer: Fetch = (url) => {
    asked.push(url);
    return Promise.resolve(Response.json({ data: [], iterator: null, prevIterator: null, done: true }));
  };
  const { request } = createClient({ url: 'http://posthorn.test', token: 'x', fetch: answer });
  const query = { event_types: ['a', 'b'], with_content: false };
  await request('GET /api/v1/app/{app}/msg', { params: { app: 'acme' }, query });
  expect(asked).toEqual([
    'http://posthorn.test/api/v1/app/acme/msg?event_types=a&event_types=b&with_content=false',
  ]);
});

test('the types know what a route takes and answers', () => {
  expectTypeOf<Item<'GET /api/v1/issue'>['state']>().toEqualTypeOf<'open' | 'resolved' | 'ignored'>();
  expectTypeOf<Answer<'DELETE /api/v1/app/{app}'>>().toEqualTypeOf<undefined>();
  expectTypeOf<Input<'GET /api/v1/app/{app}'>>().toHaveProperty('params');
  expectTypeOf<'GET /api/v1/issue'>().toExtend<ListRoute>();
  expectTypeOf<'GET /api/v1/app/{app}'>().not.toExtend<ListRoute>();
  expectTypeOf<Answer<'POST /api/v1/app/{app}/issue/{issue}/replay'>['status']>().toExtend<string>();
});

test('docs/client.md runs as it stands', async () => {
  const text = readFileSync(new URL('../../../docs/client.md', import.meta.url), 'utf8');
  const [, script = ''] = /^```js\n(.*?)^```/ms.exec(text) ?? [];
  const { id: app } = await client.request('POST /api/v1/app', { body: { name: 'Failing' } });
  const { id: endpoint } = await client.request('POST /api/v1/app/{app}/endpoint', {
    params: { app },
    body: { url: 'https://example.com/' },
  });
  const { id: message } = await posthorn.client.message.create(app, { eventType: 'a', payload: {} });
  await posthorn.db.pool.query(
    `insert into posthorn.issue (id, environment_id, application_id, endpoint_id, outcome, reason, first_message_id,
       count, exhausted_count, first_seen_at, last_seen_at)
     values ($1, $2, $3, $4, 'rejected', '5xx', $5, 3, 0, now(), now())`,
    [posthorn.newId('iss_'), posthorn.environmentId, app, endpoint, message],
  );
  const env = { PATH: process.env.PATH, POSTHORN_SERVER_URL: posthorn.url, POSTHORN_TOKEN: posthorn.token };
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const ran = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd, env });
  expect(ran.stderr).toBe('');
  expect(ran.stdout.trim().split('\n')).toEqual([
    expect.stringMatching(/^give GitHub http:\/\/.+/),
    expect.stringMatching(/^5xx, 3 times: qtask_/),
    '404 not_found',
  ]);
});
