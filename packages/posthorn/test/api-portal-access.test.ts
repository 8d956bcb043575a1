// Tokens of applications: how they are given, what they see, and how they end.
import { AppPortalCapability, Svix } from 'svix';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deleteEndedApplicationTokens } from '../src/store/application-tokens.ts';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { waitFor } from './support/wait.ts';

let posthorn: TestApi;
beforeAll(async () => {
  posthorn = await startTestApi();
});
afterAll(() => posthorn.stop());

const clientOf = (token: string) => new Svix(token, { serverUrl: posthorn.url, retryScheduleInMs: [] });
const makeApplication = async () => (await posthorn.client.application.create({ name: 'x' })).id;

async function statusOf(token: string, path: string): Promise<number> {
  return (await request({ url: posthorn.url, token }, 'GET', path)).status;
}

/** Whether the token still works for its application. */
const isAlive = async (token: string, app: string) => (await statusOf(token, `/api/v1/app/${app}`)) === 200;

describe('app portal access', () => {
  test('gives a token for the one application, and an address that carries it in the fragment', async () => {
    const app = await makeApplication();
    const { url, token } = await posthorn.client.authentication.appPortalAccess(app);
    expect(token).toMatch(/^pha_[0-9A-Za-z]{43}$/);
    const { origin, pathname, search, hash } = new URL(url);
    expect({ origin, pathname, search }).toEqual({ origin: posthorn.url, pathname: '/portal', search: '' });
    expect(Object.fromEntries(new URLSearchParams(hash.slice(1)))).toEqual({ app, token });

    const consumer = clientOf(token);
    const made = await consumer.endpoint.create(app, { url: 'https://example.com/' });
    expect((await consumer.endpoint.list(app)).data.map(({ id }) => id)).toEqual([made.id]);
    expect((await consumer.endpoint.getSecret(app, made.id)).key).toMatch(/^whsec_/);
    await expect(consumer.application.list()).rejects.toMatchObject({ code: 403 });
  });

  test('gives the address by which others reach the server, where that is set', async () => {
    const behindProxy = await startTestApi({ publicUrl: 'https://hooks.example.com/webhooks' });
    try {
      const { id: app } = await behindProxy.client.application.create({ name: 'x' });
      const { url } = await behindProxy.client.authentication.appPortalAccess(app);
      expect(url.startsWith(`https://hooks.example.com/webhooks/portal#app=${app}&token=pha_`)).toBe(true);
    } finally {
      await behindProxy.stop();
    }
  });

  test('is for the application, not for its name: a uid that went to another opens nothing', async () => {
    const first = await posthorn.client.application.create({ name: 'x', uid: 'moving' });
    const { token } = await posthorn.client.authentication.appPortalAccess('moving');
    expect((await clientOf(token).application.get('moving')).id).toBe(first.id);
    await posthorn.client.application.patch(first.id, { uid: 'moved' });
    await posthorn.client.application.create({ name: 'y', uid: 'moving' });
    // For seconds the token is remembered with the old uid. It never shows what is the other one's.
    expect((await clientOf(token).application.get('moving')).id).toBe(first.id);
    await waitFor(async () => (await statusOf(token, '/api/v1/app/moving')) === 404, {
      what: 'the old uid forgotten',
    });
    expect((await clientOf(token).application.get('moved')).id).toBe(first.id);
  });

  test('makes the application when it is given one, and takes the one that is there', async () => {
    const { authentication, application } = posthorn.client;
    const wanted = { application: { name: 'New', metadata: { plan: 'pro' } } };
    const { token } = await authentication.appPortalAccess('inline', wanted);
    const made = await application.get('inline');
    expect(made).toMatchObject({ name: 'New', metadata: { plan: 'pro' }, uid: 'inline' });
    await authentication.appPortalAccess('inline', { application: { name: 'Newer' } });
    expect((await application.get('inline')).name).toBe('New');
    expect((await clientOf(token).application.get('inline')).id).toBe(made.id);
    await expect(authentication.appPortalAccess('absent')).rejects.toMatchObject({ code: 404 });
    await expect(
      authentication.appPortalAccess('absent', { application: { name: 'x', uid: 'else' } }),
    ).rejects.toMatchObject({ code: 422 });
    await expect(authentication.appPortalAccess('app_absent', wanted)).rejects.toMatchObject({ code: 404 });
  });

  test('shows the event types without a flag, and those with one of its own', async () => {
    const { eventType, authentication } = posthorn.client;
    await eventType.create({ name: 'flag.none', description: '' });
    await eventType.create({ name: 'flag.beta', description: '', featureFlags: ['beta', 'inner'] });
    await eventType.create({ name: 'flag.gamma', description: '', featureFlags: ['gamma'] });
    const app = await makeApplication();
    const seenWith = async (featureFlags?: string[]) => {
      const { token } = await authentication.appPortalAccess(app, featureFlags ? { featureFlags } : {});
      const names = (await clientOf(token).eventType.list()).data.map(({ name }) => name);
      return { token, names: names.filter((name) => name.startsWith('flag.')) };
    };
    const { names, token } = await seenWith();
    expect(names).toEqual(['flag.none']);
    await expect(clientOf(token).eventType.get('flag.beta')).rejects.toMatchObject({ code: 404 });
    const beta = await seenWith(['beta', 'unused']);
    expect(beta.names).toEqual(['flag.beta', 'flag.none']);
    expect((await clientOf(beta.token).eventType.get('flag.beta')).name).toBe('flag.beta');
    const all = (await eventType.list()).data.map(({ name }) => name);
    expect(all).toEqual(expect.arrayContaining(['flag.beta', 'flag.gamma', 'flag.none']));
  });

  test('sends no example of an event type that is hidden from it', async () => {
    const { endpoint, eventType, authentication } = posthorn.client;
    const schemas = { 1: { examples: [{ hidden: true }] } };
    await eventType.create({ name: 'hidden.example', description: '', schemas, featureFlags: ['beta'] });
    const app = await makeApplication();
    const { id } = await endpoint.create(app, { url: 'https://example.com/' });
    const sendWith = async (featureFlags: string[]) => {
      const { token } = await authentication.appPortalAccess(app, { featureFlags });
      return clientOf(token).endpoint.sendExample(app, id, { eventType: 'hidden.example' });
    };
    await expect(sendWith(['gamma'])).rejects.toMatchObject({ code: 404 });
    expect(await sendWith(['beta'])).toMatchObject({ payload: { hidden: true } });
  });

  test('hides the values of custom headers from who may not set them', async () => {
    const app = await makeApplication();
    const { id } = await posthorn.client.endpoint.create(app, {
      url: 'https://example.com/',
      headers: { 'x-plan': 'gold', authorization: 'Basic c2VjcmV0' },
    });
    const { authentication } = posthorn.client;
    const headersWith = async (token: string) => clientOf(token).endpoint.getHeaders(app, id);
    const full = await authentication.appPortalAccess(app);
    expect(await headersWith(full.token)).toEqual({
      headers: { 'x-plan': 'gold' },
      sensitive: ['authorization'],
    });
    const base = await authentication.appPortalAccess(app, {
      capabilities: [AppPortalCapability.ViewBase, AppPortalCapability.ViewEndpointSecret],
    });
    expect(await headersWith(base.token)).toEqual({ headers: {}, sensitive: ['x-plan', 'authorization'] });
    const made = await request(posthorn, 'POST', '/api/v1/token', { name: 'r', scopes: ['read'] });
    expect((await headersWith(String(made.body.token))).headers).toEqual({});
  });

  test.each([
    [{ expiry: 3_599 }, 'expiry'],
    [{ expiry: 604_801 }, 'expiry'],
    [{ capabilities: ['ViewEndpointSecret'] }, 'capabilities'],
    [{ capabilities: [] }, 'capabilities'],
    [{ featureFlags: ['a b'] }, 'featureFlags'],
    [{ sessionId: '' }, 'sessionId'],
    [{ readOnly: 'yes' }, 'readOnly'],
    [{ application: { name: '' } }, 'application'],
  ])('%j is refused', async (body, field) => {
    const app = await makeApplication();
    const answer = await request(posthorn, 'POST', `/api/v1/auth/app-portal-access/${app}`, body);
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)[0]?.slice(0, 2)).toEqual(['body', field]);
  });

  test('lasts as long as was asked for, a week otherwise, and is stored as its hash', async () => {
    const app = await makeApplication();
    const { token } = await posthorn.client.authentication.appPortalAccess(app, { expiry: 3_600 });
    await posthorn.client.authentication.appPortalAccess(app);
    const { rows } = await posthorn.db.pool.query(
      `select round(extract(epoch from expires_at - created_at))::integer as seconds, t::text as row
       from posthorn.token t where application_id = $1 order by id`,
      [app],
    );
    expect(rows.map(({ seconds }) => seconds)).toEqual([3_600, 604_800]);
    expect(rows.some(({ row }) => row.includes(token))).toBe(false);
    const listed = await request(posthorn, 'GET', '/api/v1/token?limit=250');
    expect((listed.body.data as { name: string }[]).filter(({ name }) => name.includes('portal'))).toEqual(
      [],
    );
  });

  test('has an older name', async () => {
    const app = await makeApplication();
    const answer = await request(posthorn, 'POST', `/api/v1/auth/dashboard-access/${app}`);
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.body)).toEqual(['url', 'token']);
    expect(await isAlive(String(answer.body.token), app)).toBe(true);
  });
});

describe('the end of a token', () => {
  test('logout ends it at once, and no other', async () => {
    const app = await makeApplication();
    const { authentication } = posthorn.client;
    const [{ token }, other] = [
      await authentication.appPortalAccess(app),
      await authentication.appPortalAccess(app),
    ];
    expect(await isAlive(token, app)).toBe(true);
    await clientOf(token).authentication.logout();
    expect(await isAlive(token, app)).toBe(false);
    expect(await isAlive(other.token, app)).toBe(true);
    await expect(authentication.logout()).rejects.toMatchObject({ code: 403 });
  });

  test('expire-all ends those of the application, or of the sessions named', async () => {
    const [app, otherApp] = [await makeApplication(), await makeApplication()];
    const { authentication } = posthorn.client;
    const give = async (to: string, sessionId?: string) => {
      const { token } = await authentication.appPortalAccess(to, sessionId ? { sessionId } : {});
      expect(await isAlive(token, to)).toBe(true);
      return token;
    };
    const [a, b, none, others] = [
      await give(app, 'a'),
      await give(app, 'b'),
      await give(app),
      await give(otherApp, 'a'),
    ];
    await authentication.expireAll(app, { sessionIds: ['a'] });
    expect(await Promise.all([a, b, none].map((token) => isAlive(token, app)))).toEqual([false, true, true]);
    expect(await isAlive(others, otherApp)).toBe(true);
    await authentication.expireAll(app);
    expect(await Promise.all([b, none].map((token) => isAlive(token, app)))).toEqual([false, false]);
    expect(await isAlive(others, otherApp)).toBe(true);
  });

  test('expire-all leaves them the seconds it is told, never more than they had', async () => {
    const app = await makeApplication();
    const { token } = await posthorn.client.authentication.appPortalAccess(app);
    await posthorn.client.authentication.expireAll(app, { expiry: 604_800 });
    const seconds = async () => {
      const { rows } = await posthorn.db.pool.query(
        'select extract(epoch from expires_at - created_at)::float8 as seconds from posthorn.token where application_id = $1',
        [app],
      );
      return Number(rows[0]?.seconds);
    };
    expect(await seconds()).toBe(604_800);
    await posthorn.client.authentication.expireAll(app, { expiry: 6 });
    expect(await isAlive(token, app)).toBe(true);
    await waitFor(async () => !(await isAlive(token, app)), { what: 'the token ended' });
  });

  test('a deleted application takes its tokens along', async () => {
    const app = await makeApplication();
    const { token } = await posthorn.client.authentication.appPortalAccess(app);
    await posthorn.client.application.delete(app);
    expect(await statusOf(token, '/api/v1/event-type')).toBe(401);
  });

  test('one that ended long ago is deleted', async () => {
    const app = await makeApplication();
    const { authentication } = posthorn.client;
    await authentication.appPortalAccess(app, { sessionId: 'old' });
    await authentication.appPortalAccess(app, { sessionId: 'new' });
    await posthorn.db.pool.query(
      "update posthorn.token set expires_at = now() - interval '2 h' where session_id = 'old' and application_id = $1",
      [app],
    );
    const pace = { pagesMax: 1, rowsMax: 1, breathe: async () => {} };
    await deleteEndedApplicationTokens(posthorn.db.pool, 3_600_000, pace);
    const { rows } = await posthorn.db.pool.query(
      'select session_id from posthorn.token where application_id = $1',
      [app],
    );
    expect(rows).toEqual([{ session_id: 'new' }]);
  });
});
