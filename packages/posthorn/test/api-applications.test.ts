// Applications through the official client, and what it cannot say through raw requests.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

let posthorn: TestApi;
beforeAll(async () => {
  posthorn = await startTestApi();
});
afterAll(() => posthorn.stop());

describe('create', () => {
  test('an application is what was sent, with id and times', async () => {
    const application = await posthorn.client.application.create({
      name: 'Acme',
      uid: 'acme',
      metadata: { plan: 'gold' },
      throttleRate: 20,
    });
    expect(application).toMatchObject({
      name: 'Acme',
      uid: 'acme',
      metadata: { plan: 'gold' },
      throttleRate: 20,
    });
    expect(application.id).toMatch(/^app_[0-9A-Za-z]{22}$/);
    expect(application.createdAt.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(await posthorn.client.application.get(application.id)).toEqual(application);
    expect(await posthorn.client.application.get('acme')).toEqual(application);
  });

  test('a name is enough', async () => {
    const application = await posthorn.client.application.create({ name: 'plain' });
    expect(application).toMatchObject({ uid: null, metadata: {}, throttleRate: null });
  });

  test('rateLimit is the older name of throttleRate', async () => {
    const answer = await request(posthorn, 'POST', '/api/v1/app', { name: 'old', rateLimit: 7 });
    expect(answer.body).toMatchObject({ rateLimit: 7, throttleRate: 7 });
  });

  test('a uid is unique within the environment only', async () => {
    await posthorn.client.application.create({ name: 'first', uid: 'once' });
    const again = await request(posthorn, 'POST', '/api/v1/app', { name: 'second', uid: 'once' });
    expect(again.status).toBe(409);
    expect(again.body).toEqual({ code: 'conflict', detail: expect.stringContaining('uid') });
    const stranger = await posthorn.makeStranger();
    expect(await stranger.client.application.create({ name: 'third', uid: 'once' })).toMatchObject({
      uid: 'once',
    });
  });

  test('get_if_exists returns the existing one with 200, and makes a missing one with 201', async () => {
    const body = { name: 'maybe', uid: 'maybe' };
    const made = await request(posthorn, 'POST', '/api/v1/app?get_if_exists=true', body);
    expect(made.status).toBe(201);
    const got = await request(posthorn, 'POST', '/api/v1/app?get_if_exists=true', { ...body, name: 'other' });
    expect(got.status).toBe(200);
    expect(got.body).toEqual(made.body);
    expect(await posthorn.client.application.getOrCreate(body)).toMatchObject({ id: made.body.id });
  });

  test('twenty concurrent get_if_exists make one application', async () => {
    const body = { name: 'race', uid: 'race' };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => request(posthorn, 'POST', '/api/v1/app?get_if_exists=true', body)),
    );
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
  });
});

describe('list', () => {
  test('leaves out applications by their endpoints', async () => {
    const tenant = await posthorn.makeStranger();
    const { application, endpoint } = tenant.client;
    const url = 'https://example.com/';
    const play = 'https://play.svix.com/in/e_x/';
    const made: [name: string, endpoints: { url: string; disabled?: boolean }[]][] = [
      ['none', []],
      [
        'disabled',
        [
          { url, disabled: true },
          { url: play, disabled: true },
        ],
      ],
      ['play', [{ url: play }]],
      ['mixed', [{ url, disabled: true }, { url: play }]],
      ['deleted', [{ url }]],
    ];
    for (const [uid, endpoints] of made) {
      await application.create({ name: uid, uid });
      for (const body of endpoints) await endpoint.create(uid, body);
    }
    for (const { id } of (await endpoint.list('deleted')).data) await endpoint.delete('deleted', id);
    const listed = async (options: Parameters<typeof application.list>[0]) =>
      (await application.list(options)).data.map(({ uid }) => uid);

    expect(await listed({})).toEqual(['none', 'disabled', 'play', 'mixed', 'deleted']);
    expect(await listed({ excludeAppsWithNoEndpoints: true })).toEqual(['disabled', 'play', 'mixed']);
    expect(await listed({ excludeAppsWithDisabledEndpoints: true })).toEqual([
      'none',
      'play',
      'mixed',
      'deleted',
    ]);
    expect(await listed({ excludeAppsWithSvixPlayEndpoints: true })).toEqual([
      'none',
      'disabled',
      'mixed',
      'deleted',
    ]);
    const all = {
      excludeAppsWithNoEndpoints: true,
      excludeAppsWithDisabledEndpoints: true,
      excludeAppsWithSvixPlayEndpoints: true,
    };
    expect(await listed({ ...all, limit: 1 })).toEqual(['mixed']);
    expect(await listed({ ...all, excludeAppsWithNoEndpoints: false })).toEqual(['none', 'mixed', 'deleted']);
  });
});

describe('put', () => {
  test('an unknown uid is created, a known one replaced', async () => {
    const made = await request(posthorn, 'PUT', '/api/v1/app/put-me', { name: 'one', metadata: { a: 'b' } });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ uid: 'put-me', name: 'one', metadata: { a: 'b' } });
    const replaced = await request(posthorn, 'PUT', '/api/v1/app/put-me', { name: 'two' });
    expect(replaced.status).toBe(200);
    expect(replaced.body).toMatchObject({ id: made.body.id, uid: 'put-me', name: 'two', metadata: {} });
    expect(
      await posthorn.client.application.upsert(String(made.body.id), { name: 'x', uid: 'put-me' }),
    ).toMatchObject({
      name: 'x',
      uid: 'put-me',
    });
  });

  test('an unknown id is not created', async () => {
    const answer = await request(posthorn, 'PUT', `/api/v1/app/${posthorn.newId('app_')}`, { name: 'one' });
    expect(answer.status).toBe(404);
  });

  test('a new application gets the uid of its path and no other', async () => {
    const answer = await request(posthorn, 'PUT', '/api/v1/app/path-uid', { name: 'one', uid: 'body-uid' });
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)).toEqual([['body', 'uid']]);
  });

  test('twenty concurrent puts make one application', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => request(posthorn, 'PUT', '/api/v1/app/put-race', { name: 'one' })),
    );
    expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([
      ...Array(19).fill(200),
      201,
    ]);
  });
});

describe('patch', () => {
  test('absent leaves alone, null clears', async () => {
    const { id } = await posthorn.client.application.create({
      name: 'before',
      uid: 'patch-me',
      metadata: { a: 'b' },
      throttleRate: 5,
    });
    expect(await posthorn.client.application.patch(id, { name: 'after' })).toMatchObject({
      name: 'after',
      uid: 'patch-me',
      metadata: { a: 'b' },
      throttleRate: 5,
    });
    expect(await posthorn.client.application.patch(id, { uid: null, throttleRate: null })).toMatchObject({
      name: 'after',
      uid: null,
      metadata: { a: 'b' },
      throttleRate: null,
    });
  });

  test('a taken uid is a conflict', async () => {
    await posthorn.client.application.create({ name: 'owner', uid: 'owned' });
    const { id } = await posthorn.client.application.create({ name: 'wants it' });
    expect((await request(posthorn, 'PATCH', `/api/v1/app/${id}`, { uid: 'owned' })).status).toBe(409);
    expect((await request(posthorn, 'PUT', `/api/v1/app/${id}`, { name: 'x', uid: 'owned' })).status).toBe(
      409,
    );
  });
});

describe('delete', () => {
  test('the application and its endpoints are gone, its uid is free', async () => {
    const { id } = await posthorn.client.application.create({ name: 'doomed', uid: 'doomed' });
    const endpoint = await posthorn.client.endpoint.create(id, { url: 'https://example.com/' });
    await posthorn.client.application.delete('doomed');
    expect((await request(posthorn, 'GET', `/api/v1/app/${id}`)).status).toBe(404);
    expect((await request(posthorn, 'GET', `/api/v1/app/${id}/endpoint/${endpoint.id}`)).status).toBe(404);
    expect((await request(posthorn, 'DELETE', `/api/v1/app/${id}`)).status).toBe(404);
    const row = await posthorn.db.queries
      .selectFrom('endpoint')
      .select('deleted_at')
      .where('id', '=', endpoint.id)
      .executeTakeFirstOrThrow();
    expect(row.deleted_at).toBeInstanceOf(Date);
    expect((await posthorn.client.application.create({ name: 'next', uid: 'doomed' })).id).not.toBe(id);
  });

  test('an endpoint that is made while its application is deleted does not survive it', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { id } = await posthorn.client.application.create({ name: 'race' });
      const create = () =>
        request(posthorn, 'POST', `/api/v1/app/${id}/endpoint`, { url: 'https://example.com/' });
      const answers = await Promise.all([
        create(),
        create(),
        request(posthorn, 'DELETE', `/api/v1/app/${id}`),
        create(),
      ]);
      expect(answers.every(({ status }) => [201, 204, 404].includes(status))).toBe(true);
      const live = await posthorn.db.queries
        .selectFrom('endpoint')
        .select('id')
        .where('application_id', '=', id)
        .where('deleted_at', 'is', null)
        .execute();
      expect(live).toEqual([]);
    }
  });
});

describe('limits', () => {
  const refused: [string, unknown, string][] = [
    ['an empty name', { name: '' }, 'name'],
    ['no name', {}, 'name'],
    ['a uid with a slash', { name: 'x', uid: 'a/b' }, 'uid'],
    ['an empty uid', { name: 'x', uid: '' }, 'uid'],
    ['a uid of 257 characters', { name: 'x', uid: 'u'.repeat(257) }, 'uid'],
    ['a uid that looks like an id', { name: 'x', uid: 'app_1' }, 'uid'],
    ['metadata over 4096 bytes', { name: 'x', metadata: { a: 'ä'.repeat(2_100) } }, 'metadata'],
    ['a throttle rate of 0', { name: 'x', throttleRate: 0 }, 'throttleRate'],
    ['a fractional throttle rate', { name: 'x', throttleRate: 1.5 }, 'throttleRate'],
  ];
  test.each(refused)('%s is refused by name', async (_name, body, field) => {
    const answer = await request(posthorn, 'POST', '/api/v1/app', body);
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)).toEqual([['body', field]]);
  });

  test('a uid of 256 characters works everywhere', async () => {
    const uid = 'u'.repeat(256);
    const { id } = await posthorn.client.application.create({ name: 'long', uid });
    expect(await posthorn.client.application.get(uid)).toMatchObject({ id });
    const escaped = `/api/v1/app/${'%75'.repeat(256)}`;
    expect((await request(posthorn, 'GET', escaped)).body).toMatchObject({ id });
  });
});
