// Autoconfig as the official client has it: the operator makes a subscription, a third party sets up its endpoint with it.
import { AutoConfig, Svix } from 'svix';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

interface Content {
  aid: string;
  sid: string;
  surl: string;
  esec: string;
  tok: string;
}

let posthorn: TestApi;
let app: string;
beforeAll(async () => {
  posthorn = await startTestApi();
});
afterAll(() => posthorn.stop());
beforeEach(async () => {
  ({ id: app } = await posthorn.client.application.create({ name: 'Acme' }));
});

const url = 'https://consumer.example.com/hook';
const make = () => posthorn.client.autoconfigSubscription.create(app);
const contentOf = (token: string): Content =>
  JSON.parse(Buffer.from(token.replace('auto_v2_', ''), 'base64').toString()) as Content;
const subscriptionPath = (id: string) => `/api/v1/app/${app}/autoconfig/${id}`;
const holder = (token: string) => ({ url: posthorn.url, token: contentOf(token).tok });

describe('a subscription', () => {
  test('is made, set up, changed and looked at with what its token holds', async () => {
    const made = await make();
    expect(made.id).toMatch(/^acfg_[0-9A-Za-z]{22}$/);
    expect(contentOf(made.token)).toEqual({
      aid: app,
      sid: made.id,
      surl: posthorn.url,
      esec: expect.stringMatching(/^whsec_/),
      tok: expect.stringMatching(/^phs_[0-9A-Za-z]{43}$/),
    });
    const look = async () => (await request(holder(made.token), 'GET', subscriptionPath(made.id))).body;
    expect(await look()).toMatchObject({ id: made.id, status: 'pending', endpId: null, destId: null });
    expect((await posthorn.client.endpoint.list(app)).data).toEqual([]);

    const endpoint = await new AutoConfig(made.token, { url, eventTypes: ['a'] }).subscribe();
    expect(endpoint).toMatchObject({ url, eventTypes: ['a'] });
    expect(await look()).toMatchObject({
      status: 'active',
      endpId: endpoint.id,
      tokenCensored: 'auto_v2_***',
    });
    expect((await posthorn.client.endpoint.getSecret(app, endpoint.id)).key).toBe(contentOf(made.token).esec);

    const [again, twice] = await Promise.all([
      new AutoConfig(made.token, { url: `${url}/new` }).subscribe(),
      new AutoConfig(made.token, { url: `${url}/new` }).subscribe(),
    ]);
    expect([again.id, twice.id]).toEqual([endpoint.id, endpoint.id]);
    expect((await posthorn.client.endpoint.list(app)).data).toMatchObject([
      { id: endpoint.id, url: `${url}/new` },
    ]);
  });

  test('makes one endpoint however many ask for it at the same time', async () => {
    const { token } = await make();
    const all = await Promise.all(
      Array.from({ length: 5 }, () => new AutoConfig(token, { url }).subscribe()),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect((await posthorn.client.endpoint.list(app)).data).toHaveLength(1);
  });

  test('has a token that does nothing else', async () => {
    const [mine, other] = [await make(), await make()];
    const by = holder(mine.token);
    const consumer = new Svix(by.token, { serverUrl: posthorn.url, retryScheduleInMs: [] });
    await new AutoConfig(mine.token, { url }).subscribe();
    await expect(consumer.application.get(app)).rejects.toMatchObject({ code: 403 });
    await expect(consumer.endpoint.list(app)).rejects.toMatchObject({ code: 403 });
    await expect(consumer.eventType.list()).rejects.toMatchObject({ code: 403 });
    await expect(consumer.autoconfigSubscription.create(app)).rejects.toMatchObject({ code: 403 });
    await expect(consumer.autoconfigSubscription.rotate(app, mine.id)).rejects.toMatchObject({ code: 403 });
    expect((await request(by, 'GET', subscriptionPath(other.id))).status).toBe(404);
    expect((await request(by, 'PUT', `${subscriptionPath(other.id)}/endpoint`, { url })).status).toBe(404);
    const elsewhere = (await posthorn.client.application.create({ name: 'Other' })).id;
    const path = `/api/v1/app/${elsewhere}/autoconfig/${mine.id}/endpoint`;
    expect((await request(by, 'PUT', path, { url })).status).toBe(404);
  });

  test('is not reached with other tokens of the application', async () => {
    const { id } = await make();
    const { token } = await posthorn.client.authentication.appPortalAccess(app);
    const by = { url: posthorn.url, token };
    expect((await request(by, 'GET', subscriptionPath(id))).status).toBe(403);
    expect((await request(by, 'PUT', `${subscriptionPath(id)}/endpoint`, { url })).status).toBe(403);
  });

  test('is rotated: the old token ends at once, the old secret after its time', async () => {
    const made = await make();
    const endpoint = await new AutoConfig(made.token, { url }).subscribe();
    const key = `whsec_${Buffer.from('a'.repeat(32)).toString('base64')}`;
    const rotated = await posthorn.client.autoconfigSubscription.rotate(app, made.id, {
      signingSecret: { key },
    });
    expect(rotated).toMatchObject({ id: made.id, createdAt: made.createdAt });
    expect(contentOf(rotated.token).esec).toBe(key);
    await expect(new AutoConfig(made.token, { url }).subscribe()).rejects.toMatchObject({ code: 401 });
    expect((await new AutoConfig(rotated.token, { url }).subscribe()).id).toBe(endpoint.id);
    expect((await posthorn.client.endpoint.getSecret(app, endpoint.id)).key).toBe(key);
    const { rows } = await posthorn.db.pool.query(
      `select extract(epoch from expires_at - now())::float8 as left from posthorn.endpoint_secret
       where endpoint_id = $1 order by expires_at nulls last`,
      [endpoint.id],
    );
    expect(rows).toEqual([{ left: expect.closeTo(86_400, -2) }, { left: null }]);
  });

  test('is rotated before anybody subscribed, too', async () => {
    const { id, token } = await make();
    const rotated = await posthorn.client.autoconfigSubscription.rotate(app, id);
    expect(contentOf(rotated.token).esec).not.toBe(contentOf(token).esec);
    const endpoint = await new AutoConfig(rotated.token, { url }).subscribe();
    const { key } = await posthorn.client.endpoint.getSecret(app, endpoint.id);
    expect(key).toBe(contentOf(rotated.token).esec);
  });

  test('ends with its endpoint, with itself, and with its application', async () => {
    const made = await make();
    const { id } = await new AutoConfig(made.token, { url }).subscribe();
    await posthorn.client.endpoint.delete(app, id);
    await expect(new AutoConfig(made.token, { url }).subscribe()).rejects.toMatchObject({ code: 409 });
    expect((await request(posthorn, 'DELETE', subscriptionPath(made.id))).status).toBe(204);
    await expect(new AutoConfig(made.token, { url }).subscribe()).rejects.toMatchObject({ code: 401 });
    expect((await request(posthorn, 'GET', subscriptionPath(made.id))).status).toBe(404);
    const kept = await make();
    await posthorn.client.application.delete(app);
    await expect(new AutoConfig(kept.token, { url }).subscribe()).rejects.toMatchObject({ code: 401 });
  });

  test.each([
    ['a secret', { url, secret: `whsec_${'a'.repeat(32)}` }, ['body', 'secret']],
    ['no url', {}, ['body', 'url']],
  ])('refuses %s from its holder', async (_, body, place) => {
    const { id, token } = await make();
    const answer = await request(holder(token), 'PUT', `${subscriptionPath(id)}/endpoint`, body);
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)).toEqual([place]);
  });

  test('stores neither token nor secret in the clear', async () => {
    const { token } = await make();
    const { esec, tok } = contentOf(token);
    const { rows } = await posthorn.db.pool.query(
      `select a::text as row from posthorn.autoconfig a union all select t::text from posthorn.token t
       union all select l::text from posthorn.audit_log l`,
    );
    const text = rows.map(({ row }) => row).join();
    for (const secret of [esec, tok, Buffer.from(esec).toString('hex'), Buffer.from(tok).toString('hex')]) {
      expect(text).not.toContain(secret);
    }
  });
});

test('the token names the address by which others reach the server', async () => {
  const behindProxy = await startTestApi({ publicUrl: 'https://hooks.example.com' });
  try {
    const { id } = await behindProxy.client.application.create({ name: 'x' });
    const { token } = await behindProxy.client.autoconfigSubscription.create(id);
    expect(contentOf(token).surl).toBe('https://hooks.example.com');
  } finally {
    await behindProxy.stop();
  }
});
