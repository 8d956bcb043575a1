// Integrations and connectors through the official client.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ConnectorKind, Svix } from 'svix';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

let posthorn: TestApi;
let app: string;
beforeAll(async () => {
  posthorn = await startTestApi();
});
afterAll(() => posthorn.stop());
beforeEach(async () => {
  ({ id: app } = await posthorn.client.application.create({ name: 'Acme' }));
});

const missing = { code: 404 };

describe('integrations', () => {
  test('are made, listed, changed and deleted', async () => {
    const { integration } = posthorn.client;
    const made = await integration.create(app, { name: 'Zapier', featureFlags: ['beta'] });
    expect(made).toMatchObject({ name: 'Zapier', featureFlags: ['beta'] });
    expect(made.id).toMatch(/^integ_[0-9A-Za-z]{22}$/);
    expect(await integration.get(app, made.id)).toEqual(made);
    expect(await integration.update(app, made.id, { name: 'Make' })).toMatchObject({
      id: made.id,
      name: 'Make',
      featureFlags: [],
    });
    const second = await integration.create(app, { name: 'Other' });
    const page = await integration.list(app, { limit: 1 });
    expect(page.data.map(({ id }) => id)).toEqual([made.id]);
    const rest = await integration.list(app, { iterator: page.iterator });
    expect(rest.data.map(({ id }) => id)).toEqual([second.id]);
    await integration.delete(app, made.id);
    await expect(integration.get(app, made.id)).rejects.toMatchObject(missing);
    await expect(integration.delete(app, made.id)).rejects.toMatchObject(missing);
  });

  test('the key can be read and rotated, and is stored sealed', async () => {
    const { id } = await posthorn.client.integration.create(app, { name: 'Zapier' });
    const path = `/api/v1/app/${app}/integration/${id}/key`;
    const { body } = await request(posthorn, 'GET', path);
    expect(body.key).toMatch(/^integsk_[\w-]{43}$/);
    const { key } = await posthorn.client.integration.rotateKey(app, id);
    expect(key).not.toBe(body.key);
    expect((await request(posthorn, 'GET', path)).body).toEqual({ key });
    const { rows } = await posthorn.db.pool.query(
      'select key_sealed from posthorn.integration where id = $1',
      [id],
    );
    expect(rows[0].key_sealed.includes(key.slice(8))).toBe(false);
  });

  test('the key is a token of the application, with the flags of the integration', async () => {
    const { integration, eventType } = posthorn.client;
    const [flag, hidden] = [`flag-${app}`, `hidden.${app}`];
    await eventType.create({ name: hidden, description: '', featureFlags: [flag] });
    const { id } = await integration.create(app, { name: 'Zapier', featureFlags: [flag] });
    const { key } = await integration.rotateKey(app, id);
    const holder = new Svix(key, { serverUrl: posthorn.url, retryScheduleInMs: [] });
    const sees = async () =>
      (await holder.eventType.list({ limit: 250 })).data.some(({ name }) => name === hidden);
    expect((await holder.application.get(app)).id).toBe(app);
    const made = await holder.endpoint.create(app, { url: 'https://zapier.example.com/' });
    expect((await posthorn.client.endpoint.list(app)).data.map((one) => one.id)).toEqual([made.id]);
    expect(await sees()).toBe(true);
    await integration.update(app, id, { name: 'Zapier' });
    expect(await sees()).toBe(false);

    await expect(holder.application.list()).rejects.toMatchObject({ code: 403 });
    await expect(holder.integration.list(app)).rejects.toMatchObject({ code: 403 });
    await expect(holder.message.create(app, { eventType: 'a', payload: {} })).rejects.toMatchObject({
      code: 403,
    });
    const other = await posthorn.client.application.create({ name: 'Other' });
    await expect(holder.endpoint.list(other.id)).rejects.toMatchObject({ code: 404 });
    const { body } = await request(posthorn, 'GET', `/api/v1/audit-log?application=${app}`);
    expect((body.data as { tokenName: string }[]).map(({ tokenName }) => tokenName)).toContain(
      'integration Zapier',
    );
  });

  test('the key lasts until it is rotated, or its integration or its application goes', async () => {
    const { integration, authentication, application } = posthorn.client;
    const { id } = await integration.create(app, { name: 'Zapier' });
    const { body } = await request(posthorn, 'GET', `/api/v1/app/${app}/integration/${id}/key`);
    const works = async (token: string) =>
      (await request({ url: posthorn.url, token }, 'GET', `/api/v1/app/${app}`)).status;
    const first = String(body.key);
    expect(await works(first)).toBe(200);
    await authentication.expireAll(app, {});
    expect(await works(first)).toBe(200);
    const { key: second } = await integration.rotateKey(app, id);
    expect([await works(first), await works(second)]).toEqual([401, 200]);
    await integration.delete(app, id);
    expect(await works(second)).toBe(401);
    const { key: third } = await integration.rotateKey(
      app,
      (await integration.create(app, { name: 'x' })).id,
    );
    await application.delete(app);
    expect(await works(third)).toBe(401);
  });

  test('the key may do what the integration may', async () => {
    const path = `/api/v1/app/${app}/integration`;
    const made = await request(posthorn, 'POST', path, { name: 'Reader', capabilities: ['ViewBase'] });
    expect(made.body.capabilities).toEqual(['ViewBase']);
    const { key } = await posthorn.client.integration.rotateKey(app, String(made.body.id));
    const holder = { url: posthorn.url, token: key };
    const endpoint = () =>
      request(holder, 'POST', `/api/v1/app/${app}/endpoint`, { url: 'https://a.example/' });
    expect((await endpoint()).status).toBe(403);
    await request(posthorn, 'PUT', `${path}/${String(made.body.id)}`, { name: 'Writer' });
    expect((await endpoint()).status).toBe(201);
    const refused = await request(posthorn, 'POST', path, { name: 'x', capabilities: ['ManageEndpoint'] });
    expect(refusedPlaces(refused)).toEqual([['body', 'capabilities']]);
  });

  test('belong to one application of one environment', async () => {
    const { id } = await posthorn.client.integration.create(app, { name: 'Zapier' });
    const other = await posthorn.client.application.create({ name: 'Other' });
    await expect(posthorn.client.integration.get(other.id, id)).rejects.toMatchObject(missing);
    const stranger = await posthorn.makeStranger();
    await expect(stranger.client.integration.rotateKey(app, id)).rejects.toMatchObject(missing);
  });

  test('names and flags are checked', async () => {
    const answer = await request(posthorn, 'POST', `/api/v1/app/${app}/integration`, {
      name: '',
      featureFlags: ['a b'],
    });
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)).toEqual([
      ['body', 'name'],
      ['body', 'featureFlags', '0'],
    ]);
  });
});

describe('connectors', () => {
  const transformation = 'function handler(webhook) { return webhook; }';

  test('a PUT makes or replaces, also beside others of the same uid', async () => {
    const { connector } = posthorn.client;
    const puts = Array.from({ length: 12 }, (_, n) =>
      connector.upsert('crowd', { name: `n${n}`, transformation }),
    );
    const ids = new Set((await Promise.all(puts)).map(({ id }) => id));
    expect(ids.size).toBe(1);
  });

  test('are made, found by uid, patched and deleted', async () => {
    const { connector } = posthorn.client;
    const made = await connector.create({
      name: 'Slack',
      uid: 'slack',
      kind: ConnectorKind.Slack,
      logo: 'https://example.com/logo.png',
      description: 'd',
      instructions: 'i',
      allowedEventTypes: ['user.created'],
      transformation,
    });
    expect(made).toMatchObject({
      orgId: posthorn.environmentId,
      uid: 'slack',
      kind: 'Slack',
      productType: 'Dispatch',
      transformation,
      featureFlags: null,
    });
    expect(await connector.get('slack')).toEqual(made);
    const renamed = await connector.patch('slack', { name: 'Chat', logo: null });
    expect(renamed).toMatchObject({ name: 'Chat', logo: null, description: 'd' });
    expect(renamed.transformationUpdatedAt).toEqual(made.transformationUpdatedAt);
    const changed = await connector.patch('slack', { transformation: `${transformation}\n` });
    expect(changed.transformationUpdatedAt.getTime()).toBeGreaterThan(made.transformationUpdatedAt.getTime());
    await connector.delete(made.id);
    await expect(connector.get('slack')).rejects.toMatchObject(missing);
  });

  test('an upsert makes or replaces', async () => {
    const { connector } = posthorn.client;
    const made = await connector.upsert('teams', { transformation, description: 'old' });
    expect(made).toMatchObject({ uid: 'teams', name: 'teams', kind: 'Custom', description: 'old' });
    expect(await connector.upsert('teams', { transformation, name: 'Teams' })).toMatchObject({
      id: made.id,
      name: 'Teams',
      description: '',
    });
    const again = await request(posthorn, 'POST', '/api/v1/connector', {
      name: 'x',
      uid: 'teams',
      transformation,
    });
    expect(again.status).toBe(409);
  });

  test('are listed by product, within the environment', async () => {
    const stranger = await posthorn.makeStranger();
    const path = '/api/v1/connector';
    await request({ ...posthorn, token: stranger.token }, 'POST', path, {
      name: 'S',
      transformation,
      productType: 'Stream',
    });
    await stranger.client.connector.create({ name: 'D', transformation });
    expect((await stranger.client.connector.list()).data.map(({ name }) => name)).toEqual(['S', 'D']);
    const { body } = await request(
      { ...posthorn, token: stranger.token },
      'GET',
      `${path}?product_type=Stream`,
    );
    expect((body.data as { name: string }[]).map(({ name }) => name)).toEqual(['S']);
    expect((await posthorn.client.connector.list()).data.map(({ name }) => name)).not.toContain('S');
  });

  test('what is wrong is named', async () => {
    const answer = await request(posthorn, 'POST', '/api/v1/connector', { name: 'a', kind: 'Nope' });
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)).toContainEqual(['body', 'transformation']);
    const logo = await request(posthorn, 'POST', '/api/v1/connector', {
      name: 'a',
      transformation,
      logo: 'javascript:alert(1)',
    });
    expect(refusedPlaces(logo)).toEqual([['body', 'logo']]);
  });
});
