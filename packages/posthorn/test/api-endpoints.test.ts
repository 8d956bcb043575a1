// Endpoints, their secrets and headers through the official client, and what it cannot say through raw requests.
import { generateEd25519Secret, publicKeyOf } from '@posthorn/webhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { secretOwner } from '../src/store/endpoints.ts';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

const url = 'https://example.com/webhooks';
const secretText = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

let posthorn: TestApi;
let app: string;
let base: string;
beforeAll(async () => {
  posthorn = await startTestApi({ urlRules: { allowHttp: false, allowSubnets: [] } });
});
afterAll(() => posthorn.stop());
beforeEach(async () => {
  ({ id: app } = await posthorn.client.application.create({ name: 'Acme' }));
  base = `/api/v1/app/${app}/endpoint`;
});

async function configVersion(): Promise<number> {
  const { rows } = await posthorn.db.pool.query(
    'select config_version from posthorn.application where id = $1',
    [app],
  );
  return Number(rows[0].config_version);
}

describe('create', () => {
  test('an endpoint is what was sent, with id and times', async () => {
    const endpoint = await posthorn.client.endpoint.create(app, {
      url,
      uid: 'main',
      description: 'the main one\n\tindented',
      eventTypes: ['user.created', 'user.deleted', 'user.created'],
      channels: ['eu'],
      metadata: { team: 'a' },
      throttleRate: 9,
    });
    expect(endpoint).toMatchObject({
      url,
      uid: 'main',
      description: 'the main one\n\tindented',
      eventTypes: ['user.created', 'user.deleted'],
      channels: ['eu'],
      metadata: { team: 'a' },
      throttleRate: 9,
      disabled: false,
    });
    expect(endpoint.id).toMatch(/^ep_[0-9A-Za-z]{22}$/);
    expect(await posthorn.client.endpoint.get(app, endpoint.id)).toEqual(endpoint);
    expect(await posthorn.client.endpoint.get(app, 'main')).toEqual(endpoint);
  });

  test('a URL is enough', async () => {
    const { status, body } = await request(posthorn, 'POST', base, { url });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      uid: null,
      description: '',
      eventTypes: null,
      filterTypes: null,
      channels: null,
      disabled: false,
      disabledReason: null,
      metadata: {},
      throttleRate: null,
      rateLimit: null,
      signatureStyle: 'standard',
      version: 1,
    });
    const { key } = await posthorn.client.endpoint.getSecret(app, String(body.id));
    expect(key).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  });

  test('filterTypes is the older name of eventTypes', async () => {
    const { body } = await request(posthorn, 'POST', base, { url, filterTypes: ['a.b'] });
    expect(body).toMatchObject({ eventTypes: ['a.b'], filterTypes: ['a.b'] });
  });

  test('a uid is unique within the application only', async () => {
    await posthorn.client.endpoint.create(app, { url, uid: 'once' });
    const again = await request(posthorn, 'POST', base, { url, uid: 'once' });
    expect(again.status).toBe(409);
    expect(again.body.code).toBe('conflict');
    const other = await posthorn.client.application.create({ name: 'Other' });
    expect(await posthorn.client.endpoint.create(other.id, { url, uid: 'once' })).toMatchObject({
      uid: 'once',
    });
  });

  test('every change is a new version of the configuration', async () => {
    const versions = [await configVersion()];
    const note = async (change: Promise<unknown>) => {
      await change;
      versions.push(await configVersion());
    };
    const { endpoint } = posthorn.client;
    await note(endpoint.create(app, { url, uid: 'v' }));
    await note(endpoint.patch(app, 'v', { disabled: true }));
    await note(endpoint.rotateSecret(app, 'v'));
    await note(endpoint.setHeaders(app, 'v', { headers: { 'x-a': 'b' } }));
    await note(endpoint.delete(app, 'v'));
    expect(new Set(versions).size).toBe(6);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  });

  test('the secret is stored sealed, for this endpoint', async () => {
    const { id } = await posthorn.client.endpoint.create(app, { url, secret: secretText });
    const { rows } = await posthorn.db.pool.query(
      'select secret_sealed from posthorn.endpoint_secret where endpoint_id = $1',
      [id],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0].secret_sealed.includes(secretText.slice(6))).toBe(false);
    expect(secretOwner(id)).toBe(`endpoint:${id}:secret`);
    expect(await posthorn.client.endpoint.getSecret(app, id)).toEqual({ key: secretText });
  });
});

describe('refused', () => {
  const refused: [string, object, string[]][] = [
    ['no url', {}, ['url']],
    ['a URL that is none', { url: 'example' }, ['url']],
    ['http', { url: 'http://example.com' }, ['url']],
    ['a private address', { url: 'https://10.0.0.1/' }, ['url']],
    ['a file', { url: 'file:///etc/passwd' }, ['url']],
    ['an empty list of event types', { url, eventTypes: [] }, ['eventTypes']],
    ['an event type with a space', { url, eventTypes: ['a b'] }, ['eventTypes', '0']],
    ['eleven channels', { url, channels: Array.from({ length: 11 }, (_, i) => `c${i}`) }, ['channels']],
    ['an empty list of channels', { url, channels: [] }, ['channels']],
    ['a control character in the description', { url, description: 'a\u0007b' }, ['description']],
    ['an unknown signature style', { url, signatureStyle: 'other' }, ['signatureStyle']],
    ['an unknown mode of ordering', { url, ordering: { mode: 'lifo' } }, ['ordering', 'mode']],
    ['a filter that is none', { url, filter: 'payload.amount >' }, ['filter']],
    ['an empty filter', { url, filter: '' }, ['filter']],
    ['an ordering without its mode', { url, ordering: {} }, ['ordering', 'mode']],
    [
      'an unknown policy for failures',
      { url, ordering: { mode: 'fifo', onFailure: 'x' } },
      ['ordering', 'onFailure'],
    ],
    [
      'only what is newer without a key',
      { url, ordering: { mode: 'fifo', onlyNewer: true } },
      ['ordering', 'onlyNewer'],
    ],
    ['a uid that looks like an id', { url, uid: 'ep_x' }, ['uid']],
    ['a header of ours', { url, headers: { 'webhook-id': 'x' } }, ['headers', 'webhook-id']],
  ];
  test.each(refused)('%s, by name', async (_name, body, place) => {
    const answer = await request(posthorn, 'POST', base, body);
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)).toEqual([['body', ...place]]);
  });

  test('a URL is refused with the reason and the fix, also on PUT and PATCH', async () => {
    const { id } = await posthorn.client.endpoint.create(app, { url });
    for (const [method, path] of [
      ['POST', base],
      ['PUT', `${base}/${id}`],
      ['PATCH', `${base}/${id}`],
    ] as const) {
      const { status, text } = await request(posthorn, method, path, { url: 'http://example.com' });
      expect(status).toBe(422);
      expect(text).toContain('use https');
    }
  });

  const badSecrets: [string, string][] = [
    ['not base64', 'whsec_this is not base64'],
    ['too short', `whsec_${Buffer.alloc(8, 7).toString('base64')}`],
    ['a public key', `whpk_${Buffer.alloc(32, 7).toString('base64')}`],
    ['a private key whose halves differ', `whsk_${Buffer.alloc(64, 7).toString('base64')}`],
    ['empty', ''],
  ];
  test.each(badSecrets)('a secret that is %s, without repeating it', async (_name, secret) => {
    const { id } = await posthorn.client.endpoint.create(app, { url });
    const created = await request(posthorn, 'POST', base, { url, secret });
    expect(created.status).toBe(422);
    expect(refusedPlaces(created)).toEqual([['body', 'secret']]);
    const rotated = await request(posthorn, 'POST', `${base}/${id}/secret/rotate`, { key: secret });
    expect(refusedPlaces(rotated)).toEqual([['body', 'key']]);
    if (secret !== '') expect(created.text + rotated.text).not.toContain(secret.slice(6));
  });
});

describe('put and patch', () => {
  test('an unknown uid is created with a secret, a known one replaced', async () => {
    const made = await request(posthorn, 'PUT', `${base}/put-me`, {
      url,
      description: 'one',
      channels: ['a'],
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ uid: 'put-me', description: 'one' });
    expect((await posthorn.client.endpoint.getSecret(app, 'put-me')).key).toMatch(/^whsec_/);
    const replaced = await request(posthorn, 'PUT', `${base}/put-me`, { url });
    expect(replaced.status).toBe(200);
    expect(replaced.body).toMatchObject({ id: made.body.id, uid: 'put-me', description: '', channels: null });
    expect(await posthorn.client.endpoint.upsert(app, 'put-me', { url, description: 'x' })).toMatchObject({
      description: 'x',
    });
  });

  test('twenty concurrent puts make one endpoint with one secret', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => request(posthorn, 'PUT', `${base}/race`, { url })),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      ...Array(19).fill(200),
      201,
    ]);
    const { rows } = await posthorn.db.pool.query(
      'select count(*)::integer as count from posthorn.endpoint_secret where endpoint_id = $1',
      [answers[0]?.body.id],
    );
    expect(rows[0].count).toBe(1);
  });

  test('absent leaves alone, null clears', async () => {
    const { id } = await posthorn.client.endpoint.create(app, {
      url,
      uid: 'patch-me',
      eventTypes: ['a'],
      channels: ['c'],
      throttleRate: 3,
      description: 'd',
    });
    const { endpoint } = posthorn.client;
    expect(await endpoint.patch(app, id, { description: 'e' })).toMatchObject({
      url,
      uid: 'patch-me',
      eventTypes: ['a'],
      channels: ['c'],
      throttleRate: 3,
      description: 'e',
    });
    expect(
      await endpoint.patch(app, id, { uid: null, eventTypes: null, channels: null, throttleRate: null }),
    ).toMatchObject({ uid: null, eventTypes: null, channels: null, throttleRate: null, description: 'e' });
  });

  test('a taken uid is a conflict', async () => {
    await posthorn.client.endpoint.create(app, { url, uid: 'owned' });
    const { id } = await posthorn.client.endpoint.create(app, { url });
    expect((await request(posthorn, 'PATCH', `${base}/${id}`, { uid: 'owned' })).status).toBe(409);
    expect((await request(posthorn, 'PUT', `${base}/${id}`, { url, uid: 'owned' })).status).toBe(409);
  });

  test('the signature style is the choice of the endpoint', async () => {
    const { body } = await request(posthorn, 'POST', base, { url, signatureStyle: 'svix' });
    expect(body.signatureStyle).toBe('svix');
    const patched = await request(posthorn, 'PATCH', `${base}/${String(body.id)}`, {
      signatureStyle: 'both',
    });
    expect(patched.body.signatureStyle).toBe('both');
  });
});

describe('ordering', () => {
  const block = { mode: 'fifo', onFailure: 'block' };

  test('a filter is kept, changed, cleared, and replaced as a whole', async () => {
    const filter = 'payload.amount > 10';
    const made = await request(posthorn, 'POST', base, { url, filter });
    expect(made).toMatchObject({ status: 201, body: { filter } });
    const path = `${base}/${String(made.body.id)}`;
    const patch = async (body: object) => (await request(posthorn, 'PATCH', path, body)).body.filter;
    expect(await patch({ description: 'x' })).toBe(filter);
    const before = await configVersion();
    expect(await patch({ filter: 'true' })).toBe('true');
    expect(await configVersion()).toBeGreaterThan(before);
    expect(await patch({ filter: null })).toBeNull();
    await patch({ filter });
    expect((await request(posthorn, 'PUT', path, { url })).body.filter).toBeNull();
    const refused = await request(posthorn, 'PATCH', path, { filter: 'true && eventTyp == "a"' });
    expect(refused.status).toBe(422);
    expect(refused.text).toContain('at character 9: Unknown variable: eventTyp');
  });

  test('by key: shown whole, changed as a whole, and no destination of the reference', async () => {
    const byKey = { mode: 'key', onFailure: 'block', onlyNewer: false };
    const made = await request(posthorn, 'POST', base, { url, ordering: { mode: 'key' } });
    expect(made).toMatchObject({ status: 201, body: { ordering: byKey } });
    const path = `${base}/${String(made.body.id)}`;
    const patch = async (body: object) => (await request(posthorn, 'PATCH', path, body)).body.ordering;
    const newer = { mode: 'key', onFailure: 'skip', onlyNewer: true };
    expect(await patch({ ordering: newer })).toEqual(newer);
    expect(await patch({ description: 'x' })).toEqual(newer);
    const destination = path.replace('/endpoint/', '/destination/');
    expect((await request(posthorn, 'GET', destination)).status).toBe(404);
    expect(await patch({ ordering: { mode: 'fifo' } })).toEqual(block);
    expect(await patch({ ordering: { mode: 'key' } })).toEqual(byKey);
    expect(await patch({ ordering: null })).toBeNull();
  });

  test('is given when it is made, changed by PATCH, and off after a PUT without it', async () => {
    const made = await request(posthorn, 'POST', base, { url, ordering: { mode: 'fifo' } });
    expect(made).toMatchObject({ status: 201, body: { ordering: block } });
    const path = `${base}/${String(made.body.id)}`;
    const patch = async (body: object) => (await request(posthorn, 'PATCH', path, body)).body.ordering;
    expect(await patch({ description: 'x' })).toEqual(block);
    expect(await patch({ ordering: { mode: 'fifo', onFailure: 'skip' } })).toEqual({
      ...block,
      onFailure: 'skip',
    });
    expect(await patch({ ordering: null })).toBeNull();
    expect(await patch({ ordering: block })).toEqual(block);
    expect((await request(posthorn, 'GET', path)).body.ordering).toEqual(block);
    expect((await request(posthorn, 'PUT', path, { url })).body.ordering).toBeNull();
    expect((await request(posthorn, 'PUT', path, { url, ordering: block })).body.ordering).toEqual(block);
  });

  test('does not disturb the official client, which leaves it alone', async () => {
    const { endpoint } = posthorn.client;
    await request(posthorn, 'PUT', `${base}/in-order`, { url, ordering: block });
    expect(await endpoint.patch(app, 'in-order', { description: 'y' })).toMatchObject({ description: 'y' });
    expect((await endpoint.list(app)).data.length).toBeGreaterThan(0);
    expect((await request(posthorn, 'GET', `${base}/in-order`)).body.ordering).toEqual(block);
  });
});

describe('disabling', () => {
  async function failingSince(id: string): Promise<number> {
    const { rowCount } = await posthorn.db.pool.query(
      'select from posthorn.endpoint_failing where endpoint_id = $1',
      [id],
    );
    return Number(rowCount);
  }

  test('says that it was asked for, and enabling forgets it', async () => {
    const { body } = await request(posthorn, 'POST', base, { url, disabled: true });
    expect(body).toMatchObject({ disabled: true, disabledReason: 'requested' });
    expect(typeof body.disabledAt).toBe('string');
    const enabled = await request(posthorn, 'PATCH', `${base}/${String(body.id)}`, { disabled: false });
    expect(enabled.body).toMatchObject({ disabled: false, disabledReason: null, disabledAt: null });
  });

  test('an endpoint that was disabled for failing keeps the reason until it is enabled', async () => {
    const { id } = await posthorn.client.endpoint.create(app, { url });
    await posthorn.db.pool.query(
      "update posthorn.endpoint set disabled = true, disabled_reason = 'failing', disabled_at = now() where id = $1",
      [id],
    );
    await posthorn.db.pool.query('insert into posthorn.endpoint_failing (endpoint_id) values ($1)', [id]);
    const kept = await request(posthorn, 'PATCH', `${base}/${id}`, { disabled: true, description: 'x' });
    expect(kept.body).toMatchObject({ disabled: true, disabledReason: 'failing' });
    expect(await failingSince(id)).toBe(1);
    await posthorn.client.endpoint.patch(app, id, { disabled: false });
    expect(await failingSince(id)).toBe(0);
  });

  test('writing an endpoint that is enabled does not hide since when it fails', async () => {
    const { id } = await posthorn.client.endpoint.create(app, { url });
    await posthorn.db.pool.query('insert into posthorn.endpoint_failing (endpoint_id) values ($1)', [id]);
    await posthorn.client.endpoint.upsert(app, id, { url });
    expect(await failingSince(id)).toBe(1);
    await posthorn.client.endpoint.delete(app, id);
    expect(await failingSince(id)).toBe(0);
  });
});

test('a deleted endpoint is gone and its uid is free', async () => {
  const { id } = await posthorn.client.endpoint.create(app, { url, uid: 'doomed' });
  await posthorn.client.endpoint.delete(app, 'doomed');
  expect((await request(posthorn, 'GET', `${base}/${id}`)).status).toBe(404);
  expect((await request(posthorn, 'DELETE', `${base}/${id}`)).status).toBe(404);
  expect((await posthorn.client.endpoint.list(app)).data).toEqual([]);
  expect((await posthorn.client.endpoint.create(app, { url, uid: 'doomed' })).id).not.toBe(id);
});

describe('secrets', () => {
  async function secrets(id: string): Promise<{ current: boolean; secondsLeft: number | null }[]> {
    const { rows } = await posthorn.db.pool.query(
      `select expires_at is null as current, extract(epoch from expires_at - now())::float8 as "secondsLeft"
       from posthorn.endpoint_secret where endpoint_id = $1 order by id`,
      [id],
    );
    return rows;
  }

  test('bare base64 without padding becomes a whsec_ that every library reads', async () => {
    const bare = Buffer.alloc(25, 7).toString('base64');
    const { id } = await posthorn.client.endpoint.create(app, { url, secret: bare.replaceAll('=', '') });
    expect(await posthorn.client.endpoint.getSecret(app, id)).toEqual({ key: `whsec_${bare}` });
  });

  test('of an Ed25519 key only the public half is shown', async () => {
    const secret = await generateEd25519Secret();
    const { id } = await posthorn.client.endpoint.create(app, { url, secret });
    const { key } = await posthorn.client.endpoint.getSecret(app, id);
    expect(key).toBe(await publicKeyOf(secret));
    expect(key).toMatch(/^whpk_/);
  });

  test('rotation keeps the old secret for a day unless told otherwise', async () => {
    const { id } = await posthorn.client.endpoint.create(app, { url });
    const before = await posthorn.client.endpoint.getSecret(app, id);
    await posthorn.client.endpoint.rotateSecret(app, id);
    const after = await posthorn.client.endpoint.getSecret(app, id);
    expect(after.key).not.toBe(before.key);
    const [old, current] = await secrets(id);
    expect(current).toEqual({ current: true, secondsLeft: null });
    expect(old?.secondsLeft).toBeGreaterThan(86_000);
    expect(old?.secondsLeft).toBeLessThanOrEqual(86_400);
  });

  test('rotation to a given key, without grace, leaves nothing of the old one', async () => {
    const { id } = await posthorn.client.endpoint.create(app, { url });
    await posthorn.client.endpoint.rotateSecret(app, id, { key: secretText, gracePeriodSeconds: 0 });
    expect(await posthorn.client.endpoint.getSecret(app, id)).toEqual({ key: secretText });
    expect(await secrets(id)).toEqual([{ current: true, secondsLeft: null }]);
  });

  test('rotation needs no body', async () => {
    const { id } = await posthorn.client.endpoint.create(app, { url });
    expect((await request(posthorn, 'POST', `${base}/${id}/secret/rotate`)).status).toBe(204);
  });

  test('an eighth old secret is refused, ending one at once is not', async () => {
    const { id } = await posthorn.client.endpoint.create(app, { url });
    for (let i = 0; i < 7; i += 1) await posthorn.client.endpoint.rotateSecret(app, id);
    const { key } = await posthorn.client.endpoint.getSecret(app, id);
    const refused = await request(posthorn, 'POST', `${base}/${id}/secret/rotate`, {});
    expect(refused.status).toBe(400);
    expect(refused.body.code).toBe('limit_reached');
    expect((await posthorn.client.endpoint.getSecret(app, id)).key).toBe(key);
    await posthorn.client.endpoint.rotateSecret(app, id, { gracePeriodSeconds: 0 });
    expect(await secrets(id)).toHaveLength(8);
  });

  test('concurrent rotations leave one current secret', async () => {
    const { id } = await posthorn.client.endpoint.create(app, { url });
    await Promise.all(Array.from({ length: 7 }, () => posthorn.client.endpoint.rotateSecret(app, id)));
    expect((await secrets(id)).filter(({ current }) => current)).toHaveLength(1);
  });

  test.each([-1, 604_801, 1.5, '60'])('a grace period of %s is refused', async (gracePeriodSeconds) => {
    const { id } = await posthorn.client.endpoint.create(app, { url });
    const answer = await request(posthorn, 'POST', `${base}/${id}/secret/rotate`, { gracePeriodSeconds });
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)).toEqual([['body', 'gracePeriodSeconds']]);
  });
});

describe('headers', () => {
  let id: string;
  beforeEach(async () => {
    ({ id } = await posthorn.client.endpoint.create(app, { url }));
  });

  test('are replaced by PUT, and those that may hold credentials are not read back', async () => {
    const { endpoint } = posthorn.client;
    expect(await endpoint.getHeaders(app, id)).toEqual({ headers: {}, sensitive: [] });
    await endpoint.setHeaders(app, id, {
      headers: { 'X-Tenant': 'acme', Authorization: 'Bearer hunter2', 'x-api-key': 'hunter3' },
    });
    expect(await endpoint.getHeaders(app, id)).toEqual({
      headers: { 'X-Tenant': 'acme' },
      sensitive: ['Authorization', 'x-api-key'],
    });
    await endpoint.setHeaders(app, id, { headers: {} });
    expect(await endpoint.getHeaders(app, id)).toEqual({ headers: {}, sensitive: [] });
  });

  test('are stored sealed', async () => {
    await posthorn.client.endpoint.setHeaders(app, id, { headers: { authorization: 'hunter2' } });
    const { rows } = await posthorn.db.pool.query(
      'select headers_sealed from posthorn.endpoint where id = $1',
      [id],
    );
    expect(rows[0].headers_sealed.includes('hunter2')).toBe(false);
  });

  test('are changed one by one by PATCH, whatever the case of the name', async () => {
    const { endpoint } = posthorn.client;
    await endpoint.setHeaders(app, id, { headers: { 'x-a': '1', 'x-b': '2', 'x-c': '3', 'x-d': '4' } });
    const headers = { 'X-A': 'one', 'x-b': null, 'x-e': '5' } as unknown as Record<string, string>;
    await endpoint.patchHeaders(app, id, { headers, deleteHeaders: ['X-C'] });
    expect((await endpoint.getHeaders(app, id)).headers).toEqual({ 'X-A': 'one', 'x-d': '4', 'x-e': '5' });
  });

  test('can be given when the endpoint is made', async () => {
    const made = await posthorn.client.endpoint.create(app, { url, headers: { 'x-a': '1' } });
    expect((await posthorn.client.endpoint.getHeaders(app, made.id)).headers).toEqual({ 'x-a': '1' });
  });

  test('every one that may not be sent is named with the reason', async () => {
    const headers = {
      host: 'x',
      'webhook-signature': 'x',
      'x y': 'z',
      'x-ok': 'fine',
      'x-line': 'a\r\nb: c',
    };
    const answer = await request(posthorn, 'PUT', `${base}/${id}/headers`, { headers });
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer).map((place) => place.at(-1))).toEqual([
      'host',
      'webhook-signature',
      'x y',
      'x-line',
    ]);
    expect((await posthorn.client.endpoint.getHeaders(app, id)).headers).toEqual({});
  });

  test('concurrent patches do not lose one another', async () => {
    await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        posthorn.client.endpoint.patchHeaders(app, id, { headers: { [`x-${i}`]: 'v' } }),
      ),
    );
    expect(Object.keys((await posthorn.client.endpoint.getHeaders(app, id)).headers)).toHaveLength(8);
  });
});
