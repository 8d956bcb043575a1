// Tokens, their life, and the walls between environments; api-authorization.test.ts tries them on every route.
import { Svix } from 'svix';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEnvironment, findEnvironmentByName, listEnvironments } from '../src/store/environments.ts';
import { pollerTokenPrefix } from '../src/store/pollers.ts';
import { createToken, ensureToken } from '../src/store/tokens.ts';
import { request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { waitFor } from './support/wait.ts';

let posthorn: TestApi;
let endpointId: string;
beforeAll(async () => {
  posthorn = await startTestApi();
  const { client } = posthorn;
  const app = (await client.application.create({ name: 'mine', uid: 'mine' })).id;
  endpointId = (await client.endpoint.create(app, { url: 'https://example.com/', uid: 'mine' })).id;
});
afterAll(() => posthorn.stop());

describe("what is not the token's own", () => {
  test('is not found by its uid in another environment', async () => {
    const { token } = await posthorn.makeStranger();
    for (const path of [
      '/api/v1/app/mine',
      '/api/v1/app/mine/endpoint',
      '/api/v1/app/mine/endpoint/mine/secret',
    ]) {
      expect((await request({ ...posthorn, token }, 'GET', path)).status).toBe(404);
    }
  });

  test("is not found through another application, not even the caller's own", async () => {
    const other = await posthorn.client.application.create({ name: 'other' });
    const path = `/api/v1/app/${other.id}/endpoint/${endpointId}`;
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
      scopes: ['manage'],
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
      what: 'the revoked token refused',
    });
  });

  test('expire by the clock, also while they are remembered', async () => {
    /** Used once; with twice the life when the machine was too busy to use it in time. */
    const usedOnce = async (lifeMs: number): Promise<{ url: string; token: string }> => {
      const expiresAt = new Date(Date.now() + lifeMs).toISOString();
      const { body } = await request(posthorn, 'POST', '/api/v1/token', { name: 'short', expiresAt });
      expect(body.expiresAt).toBe(expiresAt);
      const made = { url: posthorn.url, token: String(body.token) };
      const { status } = await request(made, 'GET', '/api/v1/app');
      if (status === 401 && Date.now() >= Date.parse(expiresAt)) return usedOnce(2 * lifeMs);
      expect(status).toBe(200);
      return made;
    };
    const own = await usedOnce(3_000);
    await waitFor(async () => (await request(own, 'GET', '/api/v1/app')).status === 401, {
      what: 'the expired token refused',
    });
  });

  test('have the scopes they were made with', async () => {
    const { body } = await request(posthorn, 'POST', '/api/v1/token', { name: 's', scopes: ['publish'] });
    expect(body.scopes).toEqual(['publish']);
    const own = { url: posthorn.url, token: String(body.token) };
    const message = { eventType: 'mine', payload: {} };
    expect((await request(own, 'POST', '/api/v1/app/mine/msg', message)).status).toBe(202);
    const refused = await request(own, 'GET', '/api/v1/app');
    expect(refused.status).toBe(403);
    expect(refused.body).toEqual({
      code: 'insufficient_access',
      detail: 'insufficient access: the token does not have the scope read',
    });
  });

  test.each([
    [{ name: 'x', scopes: [] }, 'scopes'],
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

// The last one, for it uses up what tokens never seen before may cost.
describe('unknown tokens', () => {
  const tryToken = (token: string) => request({ url: posthorn.url, token }, 'GET', '/api/v1/app');

  test('are looked up so many times and no more, and lock out nobody who was there before', async () => {
    const { body } = await request(posthorn, 'POST', '/api/v1/token', { name: 'new' });
    expect((await request(posthorn, 'GET', '/api/v1/app')).status).toBe(200);
    const startMs = performance.now();
    const answers: Awaited<ReturnType<typeof tryToken>>[] = [];
    const limited = await waitFor(
      async () => {
        const guesses = Array.from({ length: 400 }, (_, i) => tryToken(`phk_guess${answers.length + i}`));
        answers.push(...(await Promise.all(guesses)));
        return answers.find(({ status }) => status === 429);
      },
      { what: 'a guess refused without a look-up' },
    );
    const elapsedSeconds = (performance.now() - startMs) / 1_000;
    expect(limited.body.code).toBe('too_many_requests');
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
    const lookedUp = answers.filter(({ status }) => status === 401).length;
    expect(lookedUp).toBeLessThanOrEqual(51 + elapsedSeconds * 10);
    expect(answers.filter(({ status }) => status !== 401 && status !== 429)).toEqual([]);
    // Known before, and new, once there is room again.
    expect((await request(posthorn, 'GET', '/api/v1/app')).status).toBe(200);
    await waitFor(async () => (await tryToken(String(body.token))).status === 200, { what: 'the new token' });
  });

  test('of pollers are counted with the others, and lock out no poller that was there before', async () => {
    const { id: app } = await posthorn.client.application.create({ name: 'Acme' });
    const { body } = await request(posthorn, 'POST', `/api/v1/app/${app}/polling-endpoint`, {});
    const poll = (token: string) =>
      request({ url: posthorn.url, token }, 'GET', `/api/v1/app/${app}/poller/${String(body.id)}`);
    await waitFor(async () => (await poll(String(body.token))).status === 200, { what: 'the poller' });
    let guesses = 0;
    await waitFor(
      async () => {
        const tokens = Array.from({ length: 400 }, () => `${pollerTokenPrefix}guess${(guesses += 1)}`);
        const answers = await Promise.all(tokens.map(poll));
        return answers.some(({ status }) => status === 429);
      },
      { what: 'a guess refused without a look-up' },
    );
    expect((await poll(String(body.token))).status).toBe(200);
  });

  test('ask the database once, however often the same one is tried', async () => {
    await waitFor(async () => (await tryToken('phk_again')).status === 401, { what: 'room for one more' });
    const answers = await Promise.all(Array.from({ length: 100 }, () => tryToken('phk_again')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
  });
});
