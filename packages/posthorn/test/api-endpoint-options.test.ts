// What an endpoint can want of its deliveries, over HTTP: given, changed, cleared, refused; credentials never come back.
import { Webhook } from 'svix';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { authOwner } from '../src/store/endpoints.ts';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { type Certificates, hasOpenssl, makeCertificates } from './support/hostile-receiver.ts';

const url = 'https://example.com/webhooks';
const basic = { type: 'basic', username: 'jane', password: 'hunter2' };
const oauth2 = {
  type: 'oauth2',
  tokenUrl: 'https://login.example.com/token',
  clientId: 'client-7',
  clientSecret: 'hunter3',
  scopes: ['hooks:write'],
};
const names = { id: 'X-Acme-Id', timestamp: 'X-Acme-Time', signature: 'X-Acme-Signature' };
const noOptions = {
  retrySchedule: null,
  timeoutSeconds: null,
  signatureStyle: 'standard',
  signatureHeaders: null,
  auth: null,
};

let posthorn: TestApi;
let logged = '';
let app: string;
let base: string;
beforeAll(async () => {
  posthorn = await startTestApi({
    urlRules: { allowHttp: true, allowSubnets: [] },
    logTo: {
      write: (line) => {
        logged += line;
      },
    },
  });
});
afterAll(() => posthorn.stop());
beforeEach(async () => {
  ({ id: app } = await posthorn.client.application.create({ name: 'Acme' }));
  base = `/api/v1/app/${app}/endpoint`;
});

const made = async (body: object) => {
  const answer = await request(posthorn, 'POST', base, { url, ...body });
  expect(answer.status, answer.text).toBe(201);
  return { ...answer, path: `${base}/${String(answer.body.id)}`, id: String(answer.body.id) };
};
const patched = (path: string, body: object) => request(posthorn, 'PATCH', path, body);
const authColumns = async (id: string) => {
  const { rows } = await posthorn.db.pool.query<{ auth_sealed: Buffer | null; auth_shown: unknown }>(
    'select auth_sealed, auth_shown from posthorn.endpoint where id = $1',
    [id],
  );
  return rows[0]!;
};

describe('the options', () => {
  const given = {
    retrySchedule: [5, 60, 3600],
    timeoutSeconds: 3,
    signatureStyle: 'both',
    signatureHeaders: names,
  };

  test('are the way of the server unless given', async () => {
    expect((await made({})).body).toMatchObject(noOptions);
    const nothing = Object.fromEntries(Object.keys(noOptions).map((name) => [name, null]));
    expect((await made(nothing)).body).toMatchObject(noOptions);
  });

  test('are given, changed one by one, cleared by null, and gone after a PUT without them', async () => {
    const { body, path } = await made(given);
    expect(body).toMatchObject(given);
    expect((await request(posthorn, 'GET', path)).body).toEqual(body);
    expect((await patched(path, { description: 'x' })).body).toMatchObject(given);
    expect((await patched(path, { retrySchedule: [] })).body).toMatchObject({ ...given, retrySchedule: [] });
    expect((await patched(path, { timeoutSeconds: null })).body).toMatchObject({ timeoutSeconds: null });
    expect((await patched(path, { signatureStyle: null })).body).toMatchObject({
      signatureStyle: 'standard',
      signatureHeaders: names,
    });
    expect((await request(posthorn, 'PUT', path, { url, ...given })).body).toMatchObject(given);
    expect((await request(posthorn, 'PUT', path, { url })).body).toMatchObject(noOptions);
    expect((await request(posthorn, 'PUT', `${base}/by-uid`, { url, ...given })).body).toMatchObject(given);
  });

  test('are left alone by the official client, which reads the endpoint all the same', async () => {
    const { id } = await made({ ...given, uid: 'official' });
    expect(await posthorn.client.endpoint.patch(app, 'official', { description: 'y' })).toMatchObject({ id });
    expect((await request(posthorn, 'GET', `${base}/official`)).body).toMatchObject(given);
  });

  const refused: [string, object, string[]][] = [
    ['no number of seconds', { timeoutSeconds: 0 }, ['timeoutSeconds']],
    ['more than a minute', { timeoutSeconds: 61 }, ['timeoutSeconds']],
    ['half a second', { timeoutSeconds: 1.5 }, ['timeoutSeconds']],
    ['a retry at once', { retrySchedule: [5, 0] }, ['retrySchedule', '1']],
    ['a retry after more than a week', { retrySchedule: [604_801] }, ['retrySchedule', '0']],
    ['51 retries', { retrySchedule: Array(51).fill(1) }, ['retrySchedule']],
    ['three weeks in all', { retrySchedule: [604_800, 604_800, 604_800] }, ['retrySchedule']],
    ['a style that is custom without names', { signatureStyle: 'custom' }, ['signatureHeaders']],
    ['two names', { signatureHeaders: { id: 'x-i', timestamp: 'x-t' } }, ['signatureHeaders', 'signature']],
    ['names of ours', { signatureHeaders: { ...names, id: 'Webhook-Id' } }, ['signatureHeaders', 'id']],
    [
      'a name that frames',
      { signatureHeaders: { ...names, signature: 'Host' } },
      ['signatureHeaders', 'signature'],
    ],
    [
      'a name for credentials',
      { signatureHeaders: { ...names, id: 'Authorization' } },
      ['signatureHeaders', 'id'],
    ],
    ['a name that is none', { signatureHeaders: { ...names, id: 'a b' } }, ['signatureHeaders', 'id']],
    [
      'a name twice',
      { signatureHeaders: { ...names, timestamp: 'x-acme-id' } },
      ['signatureHeaders', 'timestamp'],
    ],
    [
      'a name that a custom header has',
      { signatureHeaders: names, headers: { 'x-acme-time': '1' } },
      ['headers', 'x-acme-time'],
    ],
    ['authorization twice', { auth: basic, headers: { Authorization: 'x' } }, ['headers', 'Authorization']],
    ['an unknown type of auth', { auth: { type: 'digest' } }, ['auth', 'type']],
    ['auth without its type', { auth: {} }, ['auth', 'type']],
    ['auth without a password', { auth: { type: 'basic', username: 'x' } }, ['auth', 'password']],
    ['auth with a field of another type', { auth: { ...basic, key: 'x' } }, ['auth', 'key']],
    ['a user name with a colon', { auth: { ...basic, username: 'a:b' } }, ['auth', 'username']],
    ['a password with a line break', { auth: { ...basic, password: 'a\r\nb' } }, ['auth', 'password']],
    ['a token server inside', { auth: { ...oauth2, tokenUrl: 'http://10.0.0.1/' } }, ['auth', 'tokenUrl']],
    ['a scope with a space', { auth: { ...oauth2, scopes: ['a b'] } }, ['auth', 'scopes', '0']],
    ['an unknown way to authenticate', { auth: { ...oauth2, authMethod: 'jwt' } }, ['auth', 'authMethod']],
    [
      'a certificate that is no PEM',
      { auth: { type: 'mtls', certificate: 'x', key: 'y' } },
      ['auth', 'certificate'],
    ],
  ];
  test.each(refused)('%s: refused by name', async (_name, body, place) => {
    const answer = await request(posthorn, 'POST', base, { url, ...body });
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)).toEqual([['body', ...place]]);
    expect(answer.text).not.toContain('hunter');
    expect((await posthorn.client.endpoint.list(app)).data).toEqual([]);
  });

  test('that do not go together are refused whichever comes last, and nothing is written', async () => {
    const { path, id } = await made({ signatureStyle: 'custom', signatureHeaders: names });
    const cleared = await patched(path, { signatureHeaders: null });
    expect(cleared.status).toBe(422);
    expect(refusedPlaces(cleared)).toEqual([['body', 'signatureHeaders']]);
    const headers = await request(posthorn, 'PATCH', `${path}/headers`, { headers: { 'X-ACME-ID': '1' } });
    expect(headers.status).toBe(422);
    expect(refusedPlaces(headers)).toEqual([['body', 'headers', 'X-ACME-ID']]);
    await posthorn.client.endpoint.setHeaders(app, id, { headers: { authorization: 'Bearer x' } });
    expect((await patched(path, { auth: basic })).status).toBe(422);
    expect((await request(posthorn, 'GET', path)).body).toMatchObject({
      auth: null,
      signatureHeaders: names,
    });
  });
});

describe('auth', () => {
  test('is shown as its type and the names of its fields, wherever an endpoint is shown', async () => {
    const { body, path, id } = await made({ auth: oauth2, uid: 'main' });
    const shown = {
      type: 'oauth2',
      fields: ['tokenUrl', 'clientId', 'clientSecret', 'scopes', 'authMethod'],
    };
    expect(body.auth).toEqual(shown);
    const list = await request(posthorn, 'GET', base);
    expect((list.body.data as { auth: unknown }[])[0]?.auth).toEqual(shown);
    const after = await patched(path, { auth: basic });
    expect(after.body.auth).toEqual({ type: 'basic', fields: ['username', 'password'] });
    for (const text of [list.text, after.text, (await request(posthorn, 'GET', path)).text, logged]) {
      expect(text).not.toMatch(/hunter|client-7|jane/);
    }
    expect((await authColumns(id)).auth_sealed?.includes('hunter')).toBe(false);
    expect(authOwner(id)).toBe(`endpoint:${id}:auth`);
  });

  test('stays when it is not named, also by a PUT, and goes with null', async () => {
    const { path, id } = await made({ auth: basic });
    const { auth_sealed: sealed } = await authColumns(id);
    await patched(path, { description: 'x' });
    await posthorn.client.endpoint.upsert(app, id, { url });
    expect((await authColumns(id)).auth_sealed).toEqual(sealed);
    expect((await patched(path, { auth: null })).body.auth).toBeNull();
    expect(await authColumns(id)).toEqual({ auth_sealed: null, auth_shown: null });
  });

  test('says every field that is missing for its type', async () => {
    const answer = await request(posthorn, 'POST', base, { url, auth: { type: 'oauth2', username: 'x' } });
    expect(refusedPlaces(answer).map((place) => place.at(-1))).toEqual([
      'username',
      'tokenUrl',
      'clientId',
      'clientSecret',
    ]);
    expect(answer.text).toContain('is required for type oauth2');
    expect(answer.text).toContain('does not belong to type oauth2');
  });

  test('of another environment cannot be set or seen', async () => {
    const { path, id } = await made({ auth: basic });
    const { auth_sealed: sealed } = await authColumns(id);
    const stranger = { url: posthorn.url, token: (await posthorn.makeStranger()).token };
    expect((await request(stranger, 'GET', path)).status).toBe(404);
    expect((await request(stranger, 'PATCH', path, { auth: null })).status).toBe(404);
    expect((await authColumns(id)).auth_sealed).toEqual(sealed);
  });
});

describe.skipIf(!hasOpenssl())('a certificate', () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  const mtls = (certificate: unknown, key: unknown) => ({ type: 'mtls', certificate, key });

  test('is taken with its key, also with its chain, and not shown', async () => {
    const [{ cert, key }] = certificates.clients;
    const { body, path, id } = await made({ auth: mtls(cert, key) });
    expect(body.auth).toEqual({ type: 'mtls', fields: ['certificate', 'key'] });
    expect((await patched(path, { auth: mtls(cert + certificates.ca, key) })).status).toBe(200);
    expect((await request(posthorn, 'GET', path)).text).not.toContain('BEGIN');
    expect((await authColumns(id)).auth_sealed?.includes('BEGIN')).toBe(false);
    expect(logged).not.toContain('BEGIN');
  });

  test('that cannot be used is refused with the reason', async () => {
    const [a, b] = certificates.clients;
    const broken = (text: string) => text.replace(/\n[^-]{20}/, '\nAAAAAAAAAAAAAAAAAAAA');
    const cases: [unknown, unknown, string, RegExp][] = [
      [a.cert, b.key, 'key', /is not the key of the certificate/],
      [certificates.expired.cert, certificates.expired.key, 'certificate', /has expired/],
      [broken(a.cert), a.key, 'certificate', /not a valid certificate/],
      [a.key, a.key, 'certificate', /is not PEM/],
      [a.cert, a.cert, 'key', /is not PEM/],
      [a.cert, broken(a.key), 'key', /not a valid private key/],
      [
        a.cert,
        '-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n-----END ENCRYPTED PRIVATE KEY-----',
        'key',
        /encrypted/,
      ],
      [`${a.cert}${broken(b.cert)}`, a.key, 'certificate', /cannot be used for TLS/],
    ];
    for (const [certificate, key, place, reason] of cases) {
      const answer = await request(posthorn, 'POST', base, { url, auth: mtls(certificate, key) });
      expect(answer.status, String(reason)).toBe(422);
      expect(refusedPlaces(answer)).toEqual([['body', 'auth', place]]);
      expect(answer.text).toMatch(reason);
    }
  });

  test('needs an https URL, now and later', async () => {
    const [{ cert, key }] = certificates.clients;
    const plain = await request(posthorn, 'POST', base, {
      url: 'http://example.com/',
      auth: mtls(cert, key),
    });
    expect(refusedPlaces(plain)).toEqual([['body', 'auth']]);
    const { path } = await made({ auth: mtls(cert, key) });
    expect((await patched(path, { url: 'http://example.com/' })).status).toBe(422);
    expect((await patched(path, { url: 'http://example.com/', auth: null })).status).toBe(200);
  });
});

test('the older names of fields are taken by POST, PUT and PATCH, and the newer ones win', async () => {
  const { path, body } = await made({ filterTypes: ['a'], rateLimit: 5, version: 1 });
  expect(body).toMatchObject({ eventTypes: ['a'], filterTypes: ['a'], throttleRate: 5, rateLimit: 5 });
  const put = await request(posthorn, 'PUT', path, { url, filterTypes: ['b'], rateLimit: 6, version: 1 });
  expect(put.body).toMatchObject({ eventTypes: ['b'], throttleRate: 6 });
  const both = { filterTypes: ['c'], eventTypes: ['d'], rateLimit: 7, throttleRate: 8 };
  expect((await patched(path, both)).body).toMatchObject({ eventTypes: ['d'], throttleRate: 8 });
  expect((await patched(path, { filterTypes: null, rateLimit: null })).body).toMatchObject({
    eventTypes: null,
    throttleRate: null,
  });
});

test('metadata may be 4096 bytes as JSON, and null headers are none', async () => {
  const room = 4_096 - '{"k":""}'.length;
  const { body, id } = await made({ metadata: { k: 'x'.repeat(room) }, headers: null });
  expect((body.metadata as { k: string }).k).toHaveLength(room);
  expect(await posthorn.client.endpoint.getHeaders(app, id)).toEqual({ headers: {}, sensitive: [] });
  const tooMuch = await request(posthorn, 'POST', base, { url, metadata: { k: 'ü'.repeat(room / 2 + 1) } });
  expect(refusedPlaces(tooMuch)).toEqual([['body', 'metadata']]);
  const { key } = await posthorn.client.endpoint.getSecret(app, id);
  expect(() => new Webhook(key)).not.toThrow();
});

describe('a url of another origin', () => {
  const elsewhere = 'https://elsewhere.example.com/hook';
  const headers = { 'x-api-key': 'hunter4', 'x-plan': 'pro' };
  const headersOf = async (path: string) => (await request(posthorn, 'GET', `${path}/headers`)).body;
  const moved = { headers: { 'x-plan': 'pro' }, sensitive: ['x-api-key'] };

  test.each([
    ['a password', { auth: basic }, [['body', 'auth']]],
    ['a client secret', { auth: oauth2 }, [['body', 'auth']]],
    ['a header that is not shown', { headers }, [['body', 'headers']]],
    [
      'both',
      { auth: basic, headers },
      [
        ['body', 'auth'],
        ['body', 'headers'],
      ],
    ],
  ])('does not get %s that was given for the old one', async (_, credentials, places) => {
    const { path, id } = await made(credentials);
    const before = { ...(await authColumns(id)), headers: await headersOf(path) };
    const { token } = await posthorn.client.authentication.appPortalAccess(app);
    for (const by of [posthorn, { url: posthorn.url, token }]) {
      for (const to of [elsewhere, url.replace('https', 'http'), 'https://example.com:8443/webhooks']) {
        for (const answer of [
          await request(by, 'PATCH', path, { url: to }),
          await request(by, 'PUT', path, { url: to }),
        ]) {
          expect(answer.status).toBe(422);
          expect(refusedPlaces(answer)).toEqual(places);
          expect(answer.text).not.toContain('hunter');
        }
      }
    }
    expect((await request(posthorn, 'GET', path)).body.url).toBe(url);
    expect({ ...(await authColumns(id)), headers: await headersOf(path) }).toEqual(before);
  });

  test('gets them where they are given again, or none', async () => {
    const { path, id } = await made({ auth: basic, headers });
    const again = {
      url: elsewhere,
      auth: { ...basic, password: 'hunter5' },
      headers: { 'x-api-key': 'new' },
    };
    expect(await patched(path, again)).toMatchObject({ status: 200, body: { url: elsewhere } });
    expect(await headersOf(path)).toEqual({ headers: {}, sensitive: ['x-api-key'] });
    expect((await request(posthorn, 'PUT', path, { url, auth: null, headers: {} })).status).toBe(200);
    expect(await headersOf(path)).toEqual({ headers: {}, sensitive: [] });
    expect(await authColumns(id)).toEqual({ auth_sealed: null, auth_shown: null });
    expect((await patched(path, { url: elsewhere })).status).toBe(200);
  });

  test('is no other one where only the path differs, and gets what is shown anyway', async () => {
    const { path } = await made({ auth: basic, headers });
    expect((await patched(path, { url: 'https://EXAMPLE.com:443/other?a=1' })).status).toBe(200);
    expect(await headersOf(path)).toEqual(moved);
    const open = await made({ headers: { 'x-plan': 'pro' } });
    expect((await patched(open.path, { url: elsewhere })).status).toBe(200);
    expect(await headersOf(open.path)).toEqual({ headers: { 'x-plan': 'pro' }, sensitive: [] });
  });

  test('is refused before its transaction: a header that nobody may set changes nothing', async () => {
    const { path } = await made({ headers });
    const answer = await patched(path, { url: elsewhere, headers: { 'webhook-id': 'x' } });
    expect(answer.status).toBe(422);
    expect(await headersOf(path)).toEqual(moved);
  });
});
