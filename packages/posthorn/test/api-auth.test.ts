// Who may call: tokens, their life, and the walls between environments on every route that there is.
import { Svix } from 'svix';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEnvironment, findEnvironmentByName, listEnvironments } from '../src/store/environments.ts';
import { createToken, ensureToken } from '../src/store/tokens.ts';
import { request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { waitFor } from './support/wait.ts';

interface Route {
  method: string;
  path: string;
}

let posthorn: TestApi;
let ids: Record<string, string>;
beforeAll(async () => {
  posthorn = await startTestApi();
  const { client } = posthorn;
  const app = (await client.application.create({ name: 'mine', uid: 'mine' })).id;
  const endpoint = (await client.endpoint.create(app, { url: 'https://example.com/', uid: 'mine' })).id;
  await client.eventType.create({ name: 'mine', description: '' });
  const msg = (await client.message.create(app, { eventType: 'mine', payload: {} })).id;
  const attempt = posthorn.newId('atmpt_');
  await posthorn.db.pool.query(
    `insert into posthorn.attempt
       (application_id, id, message_id, endpoint_id, trigger, url, outcome, duration_ms, started_at)
     values ($1, $2, $3, $4, 'scheduled', 'https://example.com/', 'accepted', 1, now())`,
    [app, attempt, msg, endpoint],
  );
  const { body } = await request(posthorn, 'POST', '/api/v1/token', { name: 'mine' });
  const poller = String((await request(posthorn, 'POST', `/api/v1/app/${app}/polling-endpoint`, {})).body.id);
  ids = { app, endpoint, msg, attempt, name: 'mine', token: String(body.id) };
  ids = { ...ids, poller, sink: poller, consumer: 'mine' };
});
afterAll(() => posthorn.stop());

/** Every route of the API, from Fastify's own table. */
function routesOf({ api }: TestApi): Route[] {
  const routes: Route[] = [];
  const path: string[] = [];
  for (const line of api.printRoutes({ commonPrefix: false }).split('\n')) {
    const match = /^([│ ]*)(?:├──|└──) (.*?)(?: \(([A-Z, ]+)\))?$/.exec(line);
    if (match === null) continue;
    const depth = (match[1] ?? '').length / 4;
    path.length = depth;
    path[depth] = match[2] ?? '';
    for (const method of match[3]?.split(', ') ?? []) routes.push({ method, path: path.join('') });
  }
  return routes;
}

function fill({ path }: Route, values: Record<string, string>): string {
  return path.replaceAll(/:(\w+)/g, (_, param: string) => {
    const value = values[param];
    if (value === undefined) throw new Error(`the test knows no value for :${param} in ${path}`);
    return value;
  });
}

const isPublic = ({ path }: Route) => path.startsWith('/api/v1/health');

/** A body that is right for the route, so that nothing but the wall can refuse it. */
function bodyFor({ method, path }: Route): unknown {
  if (!['POST', 'PUT', 'PATCH'].includes(method)) return undefined;
  if (path.endsWith('/headers')) return { headers: {} };
  if (path.endsWith('/msg')) return { eventType: 'mine', payload: {} };
  if (path.endsWith('/precheck/active')) return { eventType: 'mine' };
  if (path.endsWith('/seek')) return { after: '2026-01-01T00:00:00Z' };
  if (path.endsWith('/msg/batch')) return { messages: [{ eventType: 'mine', payload: {} }] };
  return { name: 'x', description: 'x', url: 'https://example.com/' };
}

/** What a stranger may do with names of our objects: make its own. */
const makesItsOwn = new Set([
  'POST /api/v1/token',
  'POST /api/v1/event-type',
  'PUT /api/v1/event-type/:name',
  'POST /api/v1/app',
]);

describe('every route', () => {
  test('is known to these tests', () => {
    const routes = routesOf(posthorn);
    expect(routes.length).toBeGreaterThan(40);
    for (const route of routes) fill(route, ids);
    expect(routes).toContainEqual({ method: 'POST', path: '/api/v1/app/:app/msg' });
    expect(routes).toContainEqual({ method: 'GET', path: '/api/v1/app/:app/endpoint/:endpoint/secret' });
  });

  test('wants a token, unless it is public', async () => {
    for (const route of routesOf(posthorn)) {
      const answer = await request({ url: posthorn.url }, route.method, fill(route, ids), bodyFor(route));
      const what = `${route.method} ${route.path}`;
      if (isPublic(route)) {
        expect(answer.status, what).toBe(204);
        continue;
      }
      expect(answer.status, what).toBe(401);
      if (route.method === 'HEAD') continue;
      expect(answer.body, what).toEqual({
        code: 'authentication_failed',
        detail: expect.stringContaining('authorization'),
      });
    }
  });

  test("shows nothing to another environment's token", async () => {
    const { token } = await posthorn.makeStranger();
    for (const route of routesOf(posthorn)) {
      const what = `${route.method} ${route.path}`;
      if (isPublic(route) || makesItsOwn.has(what)) continue;
      const answer = await request({ ...posthorn, token }, route.method, fill(route, ids), bodyFor(route));
      if (answer.status === 200 && !route.path.includes(':')) {
        // The stranger's own list, on which nothing of ours may be. Its own token is.
        const data = (answer.body.data ?? []) as { id?: string; name: string }[];
        expect(
          data.filter(({ name }) => name === 'mine'),
          what,
        ).toEqual([]);
        continue;
      }
      expect(answer.status, what).toBe(404);
    }
  });

  test('works for its owner, so that a 404 above meant the wall', async () => {
    for (const route of routesOf(posthorn)) {
      if (route.method !== 'GET') continue;
      const answer = await request(posthorn, 'GET', fill(route, ids));
      expect([200, 204], `GET ${route.path}`).toContain(answer.status);
    }
  });

  test('a uid of another environment names nothing either', async () => {
    const { token } = await posthorn.makeStranger();
    for (const path of [
      '/api/v1/app/mine',
      '/api/v1/app/mine/endpoint',
      '/api/v1/app/mine/endpoint/mine/secret',
    ]) {
      expect((await request({ ...posthorn, token }, 'GET', path)).status).toBe(404);
    }
  });

  test("an endpoint is not found through another application, not even the caller's own", async () => {
    const other = await posthorn.client.application.create({ name: 'other' });
    const path = `/api/v1/app/${other.id}/endpoint/${ids.endpoint}`;
    expect((await request(posthorn, 'GET', path)).status).toBe(404);
    expect((await request(posthorn, 'GET', `${path}/secret`)).status).toBe(404);
    expect((await request(posthorn, 'DELETE', path)).status).toBe(404);
  });
});

describe('the authorization header', () => {
  test.each([
    ['an unknown token', 'Bearer phk_unknown'],
    ['another scheme', 'Basic dXNlcjpwYXNz'],
    ['no token', 'Bearer'],
    ['two tokens', 'Bearer a b'],
    ['a very long token', `Bearer ${'x'.repeat(5_000)}`],
  ])('with %s is refused', async (_name, authorization) => {
    const answer = await request({ url: posthorn.url }, 'GET', '/api/v1/app', undefined, { authorization });
    expect(answer.status).toBe(401);
    expect(answer.body.code).toBe('authentication_failed');
    expect(answer.text).not.toContain('unknown');
  });

  test('may spell Bearer as it likes', async () => {
    const headers = { authorization: `bearer  ${posthorn.token}` };
    expect((await request({ url: posthorn.url }, 'GET', '/api/v1/app', undefined, headers)).status).toBe(200);
  });
});

describe('tokens', () => {
  test('are shown once, work at once, and stop at once when revoked', async () => {
    const made = await request(posthorn, 'POST', '/api/v1/token', { name: 'ci' });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      id: expect.stringMatching(/^tok_/),
      name: 'ci',
      createdAt: expect.any(String),
      expiresAt: null,
      revokedAt: null,
      token: expect.stringMatching(/^phk_[0-9A-Za-z]{43}$/),
    });
    const own = { url: posthorn.url, token: String(made.body.token) };
    const client = new Svix(own.token, { serverUrl: own.url });
    expect((await client.application.list()).data.map(({ uid }) => uid)).toContain('mine');

    const list = await request(posthorn, 'GET', '/api/v1/token?limit=250');
    const listed = (list.body.data as { id: string }[]).find(({ id }) => id === made.body.id);
    expect(listed).toEqual({ ...made.body, token: undefined });
    expect(list.text).not.toContain(own.token);

    const path = `/api/v1/token/${String(made.body.id)}`;
    expect((await request(posthorn, 'DELETE', path)).status).toBe(204);
    expect((await request(own, 'GET', '/api/v1/app')).status).toBe(401);
    expect((await request(posthorn, 'DELETE', path)).status).toBe(204);
    expect((await request(posthorn, 'DELETE', '/api/v1/token/tok_unknown')).status).toBe(404);
  });

  test('are stored as their hash only', async () => {
    const { rows } = await posthorn.db.pool.query('select t::text as row from posthorn.token t');
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ row }) => row.includes('phk_') || row.includes(posthorn.token))).toEqual([]);
  });

  test('that were revoked through another process stop within seconds', async () => {
    const { id, text } = await createToken(posthorn.db.queries, {
      id: posthorn.newId('tok_'),
      environmentId: posthorn.environmentId,
      name: 'elsewhere',
    });
    const own = { url: posthorn.url, token: text };
    expect((await request(own, 'GET', '/api/v1/app')).status).toBe(200);
    await posthorn.db.pool.query('update posthorn.token set revoked_at = now() where id = $1', [id]);
    await waitFor(async () => (await request(own, 'GET', '/api/v1/app')).status === 401, {
      timeoutMs: 7_000,
      what: 'the revoked token refused',
    });
  });

  test('expire by the clock, also while they are remembered', async () => {
    const expiresAt = new Date(Date.now() + 1_500).toISOString();
    const { body } = await request(posthorn, 'POST', '/api/v1/token', { name: 'short', expiresAt });
    expect(body.expiresAt).toBe(expiresAt);
    const own = { url: posthorn.url, token: String(body.token) };
    expect((await request(own, 'GET', '/api/v1/app')).status).toBe(200);
    await waitFor(async () => (await request(own, 'GET', '/api/v1/app')).status === 401, {
      timeoutMs: 4_000,
      what: 'the expired token refused',
    });
  });

  test.each([
    [{}, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 'x', expiresAt: '2001-01-01T00:00:00Z' }, 'expiresAt'],
    [{ name: 'x', expiresAt: 'tomorrow' }, 'expiresAt'],
    [{ name: 'x', expiresAt: 1 }, 'expiresAt'],
  ])('%j is refused', async (body, field) => {
    const answer = await request(posthorn, 'POST', '/api/v1/token', body);
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toEqual([expect.objectContaining({ loc: ['body', field] })]);
  });
});

describe('a fixed token', () => {
  const text = 'a-fixed-token-of-some-length';
  const fixed = (name: string) => ({
    id: posthorn.newId('tok_'),
    environmentId: posthorn.environmentId,
    name,
    text,
  });

  test('is made once, however many processes ask', async () => {
    const rows = await Promise.all(
      Array.from({ length: 10 }, (_, i) => ensureToken(posthorn.db.queries, fixed(`n${i}`))),
    );
    expect(new Set(rows.map(({ id }) => id)).size).toBe(1);
    expect((await request({ url: posthorn.url, token: text }, 'GET', '/api/v1/app')).status).toBe(200);
  });

  test('is refused when short, when of another environment, and once revoked', async () => {
    const { queries } = posthorn.db;
    await expect(ensureToken(queries, { ...fixed('short'), text: 'fifteen-letters' })).rejects.toThrow('16');
    const row = await ensureToken(queries, fixed('fine'));
    const { environmentId } = await posthorn.makeStranger();
    await expect(ensureToken(queries, { ...fixed('theirs'), environmentId })).rejects.toThrow(
      'another environment',
    );
    await request(posthorn, 'DELETE', `/api/v1/token/${row.id}`);
    await expect(ensureToken(queries, fixed('again'))).rejects.toThrow('revoked');
  });
});

test('an environment is made once by name, however many processes ask', async () => {
  const { queries } = posthorn.db;
  const made = await Promise.all(
    Array.from({ length: 10 }, () =>
      createEnvironment(queries, { id: posthorn.newId('env_'), name: 'shared' }),
    ),
  );
  expect(new Set(made.map(({ id }) => id)).size).toBe(1);
  expect(await findEnvironmentByName(queries, 'shared')).toEqual(made[0]);
  expect(await findEnvironmentByName(queries, 'missing')).toBeUndefined();
  expect((await listEnvironments(queries)).map(({ id }) => id)).toContain(made[0]?.id);
});
