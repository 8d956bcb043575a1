// The audit log: every change has an entry before its answer is there, publishing has none, and nothing secret is in it.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sweepAuditLog } from '../src/store/audit-log.ts';
import { idFloor } from '../src/lib/ids.ts';
import { request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { createTestDatabase } from './support/database.ts';
import { endAllPosthorn, startPosthorn, testToken } from './support/posthorn-process.ts';
import { waitFor } from './support/wait.ts';

interface Entry {
  id: string;
  timestamp: string;
  tokenId: string;
  tokenName: string;
  applicationId: string | null;
  method: string;
  route: string;
  objects: Record<string, string>;
  status: number | null;
  requestId: string;
  address: string;
}

let posthorn: TestApi;
beforeAll(async () => {
  posthorn = await startTestApi();
});
afterAll(() => posthorn.stop());

async function entries(query = '', to: { url: string; token: string } = posthorn): Promise<Entry[]> {
  const answer = await request(to, 'GET', `/api/v1/audit-log?limit=250&${query}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.body.data as unknown as Entry[];
}

const newest = async (query = '') => (await entries(query))[0];

describe('an entry', () => {
  test('says who did what to which object, with what outcome, and is there with the answer', async () => {
    const answer = await request(posthorn, 'POST', '/api/v1/app', { name: 'Acme', uid: 'acme' });
    const { rows } = await posthorn.db.pool.query("select id from posthorn.token where name = 'test'");
    expect(await newest()).toEqual({
      id: expect.stringMatching(/^audit_/),
      timestamp: expect.stringMatching(/^\d{4}-/),
      tokenId: rows[0]?.id,
      tokenName: 'test',
      applicationId: answer.body.id,
      method: 'POST',
      route: '/api/v1/app',
      objects: { id: answer.body.id },
      status: 201,
      requestId: answer.headers.get('x-request-id'),
      address: '127.0.0.1',
    });
  });

  test('names the application by its id, also where the path had its uid and the change took it', async () => {
    const { id } = await posthorn.client.application.create({ name: 'x', uid: 'before' });
    await posthorn.client.application.patch('before', { uid: 'after' });
    expect(await newest()).toMatchObject({ applicationId: id, objects: { app: 'before', id } });
    await posthorn.client.application.delete('after');
    expect(await newest()).toMatchObject({ applicationId: id, objects: { app: 'after' }, status: 204 });
  });

  test('is written for what was refused, too', async () => {
    await request(posthorn, 'POST', '/api/v1/app', { name: 1 });
    expect(await newest()).toMatchObject({ route: '/api/v1/app', status: 422, objects: {} });
    await request(posthorn, 'DELETE', '/api/v1/app/nobody%00%E2%80%AE');
    expect(await newest()).toMatchObject({ status: 422, objects: { app: 'nobody??' }, applicationId: null });
    const { body } = await request(posthorn, 'POST', '/api/v1/token', { name: 'reader', scopes: ['read'] });
    await request({ url: posthorn.url, token: String(body.token) }, 'POST', '/api/v1/app', { name: 'x' });
    expect(await newest()).toMatchObject({ status: 403, tokenId: body.id, tokenName: 'reader' });
  });

  test('has the application token that a consumer used', async () => {
    const { id: app } = await posthorn.client.application.create({ name: 'x' });
    const { token } = await posthorn.client.authentication.appPortalAccess(app, { sessionId: 'user-7' });
    const given = await newest();
    expect(given).toMatchObject({
      applicationId: app,
      objects: { app, token: expect.stringMatching(/^tok_/) },
    });
    const made = await request({ url: posthorn.url, token }, 'POST', `/api/v1/app/${app}/endpoint`, {
      url: 'https://example.com/',
    });
    expect(await newest()).toMatchObject({
      tokenId: given?.objects.token,
      tokenName: 'portal session user-7',
      applicationId: app,
      objects: { app, id: made.body.id },
    });
    // Whoever manages the environment can end it by this id.
    expect((await request(posthorn, 'DELETE', `/api/v1/token/${given?.objects.token}`)).status).toBe(204);
    expect((await request({ url: posthorn.url, token }, 'GET', `/api/v1/app/${app}`)).status).toBe(401);
  });

  test('is written for a secret that was read, and for no other reading', async () => {
    const { id: app } = await posthorn.client.application.create({ name: 'x' });
    const { id: endpoint } = await posthorn.client.endpoint.create(app, { url: 'https://example.com/' });
    const before = (await entries()).length;
    await posthorn.client.endpoint.get(app, endpoint);
    await posthorn.client.application.list();
    expect(await entries()).toHaveLength(before);
    await posthorn.client.endpoint.getSecret(app, endpoint);
    const [entry, ...rest] = await entries();
    expect(rest).toHaveLength(before);
    expect(entry).toMatchObject({ method: 'GET', objects: { app, endpoint }, status: 200 });
    expect(entry?.route.endsWith('/secret')).toBe(true);
  });

  test('is not written for messages', async () => {
    const { id: app } = await posthorn.client.application.create({ name: 'x' });
    const before = (await entries()).length;
    await posthorn.client.message.create(app, { eventType: 'a', payload: {} });
    const message = { eventType: 'a', payload: {} };
    await request(posthorn, 'POST', `/api/v1/app/${app}/msg/batch`, { messages: [message] });
    expect(await entries()).toHaveLength(before);
  });

  test('holds nothing of a body and no token', async () => {
    const { id: app } = await posthorn.client.application.create({
      name: 'Hidden',
      metadata: { a: 'hidden' },
    });
    await posthorn.client.endpoint.create(app, {
      url: 'https://hidden.example/',
      secret: `whsec_${'hidden00'.repeat(5)}`,
      headers: { authorization: 'hidden' },
    });
    const token = await request(posthorn, 'POST', '/api/v1/token', { name: 'x' });
    const { token: portal } = await posthorn.client.authentication.appPortalAccess(app);
    const { rows } = await posthorn.db.pool.query('select l::text as row from posthorn.audit_log l');
    const text = rows.map(({ row }) => row).join('\n');
    for (const secret of ['hidden', 'Hidden', 'whsec_', String(token.body.token), portal]) {
      expect(text).not.toContain(secret);
    }
  });
});

describe('the list', () => {
  test('is filtered by application, token and time, and walked by page', async () => {
    const { id: app } = await posthorn.client.application.create({ name: 'x', uid: 'listed' });
    const { body } = await request(posthorn, 'POST', '/api/v1/token', { name: 'listed' });
    const own = { url: posthorn.url, token: String(body.token) };
    for (const name of ['a', 'b', 'c']) await request(own, 'PATCH', '/api/v1/app/listed', { name });
    const ofApp = await entries(`application=${app}`);
    expect(ofApp.map(({ method }) => method)).toEqual(['PATCH', 'PATCH', 'PATCH', 'POST']);
    expect(await entries('application=listed')).toEqual(ofApp);
    const ofToken = await entries(`token=${String(body.id)}`);
    expect(ofToken).toEqual(ofApp.slice(0, 3));
    const middle = encodeURIComponent(ofToken[1]?.timestamp ?? '');
    expect((await entries(`token=${String(body.id)}&after=${middle}`)).length).toBeLessThan(3);
    expect(await entries(`token=${String(body.id)}&before=2001-01-01T00:00:00Z`)).toEqual([]);

    const page = await request(posthorn, 'GET', `/api/v1/audit-log?limit=2&application=${app}`);
    const next = await request(
      posthorn,
      'GET',
      `/api/v1/audit-log?limit=2&application=${app}&iterator=${String(page.body.iterator)}`,
    );
    expect([page.body.data, next.body.data].flat()).toEqual(ofApp);
    expect(next.body.done).toBe(true);
  });

  test('shows nothing of another environment', async () => {
    await posthorn.client.application.create({ name: 'x' });
    const stranger = await posthorn.makeStranger();
    expect(await entries('', { url: posthorn.url, token: stranger.token })).toEqual([]);
  });

  test('is written for as long as a token is refused, but not without end', async () => {
    const { body } = await request(posthorn, 'POST', '/api/v1/token', { name: 'flood', scopes: ['read'] });
    const own = { url: posthorn.url, token: String(body.token) };
    const tries = Array.from({ length: 80 }, () => request(own, 'POST', '/api/v1/app', { name: 'x' }));
    expect(new Set((await Promise.all(tries)).map(({ status }) => status))).toEqual(new Set([403]));
    const count = (await entries(`token=${String(body.id)}`)).length;
    expect(count).toBeGreaterThanOrEqual(30);
    expect(count).toBeLessThan(80);
  });
});

describe('stored entries', () => {
  test('cannot be changed', async () => {
    await request(posthorn, 'POST', '/api/v1/app', { name: 'x' });
    for (const change of ["token_name = 'x'", 'status = 200', 'status = null', "objects = '{}'"]) {
      await expect(posthorn.db.pool.query(`update posthorn.audit_log set ${change}`)).rejects.toThrow(
        'never changed',
      );
    }
    await posthorn.db.pool.query(
      `insert into posthorn.audit_log
         (environment_id, id, token_id, token_name, method, route, objects, request_id, address)
       values ($1, 'audit_open', 'tok_1', 'x', 'POST', '/x', '{"app": "a"}', 'r', '::1')`,
      [posthorn.environmentId],
    );
    const complete = (set: string) =>
      posthorn.db.pool.query(`update posthorn.audit_log set ${set} where id = 'audit_open'`);
    for (const set of ["status = 200, route = '/y'", "status = 200, objects = '{}'", "token_id = 'tok_2'"]) {
      await expect(complete(set)).rejects.toThrow('never changed');
    }
    await complete(`status = 201, objects = '{"app": "a", "id": "b"}', application_id = 'app_1'`);
    await expect(complete('status = 200')).rejects.toThrow('never changed');
  });

  test('are deleted when they are older than their environment keeps them', async () => {
    const stranger = await posthorn.makeStranger();
    const dayMs = 24 * 60 * 60 * 1_000;
    const nowMs = Date.now();
    const ageDays = [1, 9, 11, 400];
    for (const days of ageDays) {
      await posthorn.db.pool.query(
        `insert into posthorn.audit_log
           (environment_id, id, token_id, token_name, method, route, objects, status, request_id, address)
         values ($1, $2, 'tok_1', 'x', 'POST', '/x', '{}', 200, $3, '::1')`,
        [stranger.environmentId, `${idFloor('audit_', nowMs - days * dayMs)}00000000000000`, String(days)],
      );
    }
    const left = async () =>
      (await entries('', { url: posthorn.url, token: stranger.token })).map(({ requestId }) => requestId);
    const pace = { pagesMax: 1, rowsMax: 1, breathe: async () => {} };
    await sweepAuditLog(posthorn.db.pool, nowMs, pace);
    expect(await left()).toEqual(['1', '9', '11']);
    await posthorn.db.pool.query('update posthorn.environment set audit_retention_days = 10 where id = $1', [
      stranger.environmentId,
    ]);
    await sweepAuditLog(posthorn.db.pool, nowMs, pace);
    expect(await left()).toEqual(['1', '9']);
  });

  test('a change whose entry cannot be stored is not made', async () => {
    const own = await startTestApi();
    try {
      await own.db.pool.query('alter table posthorn.audit_log rename to audit_log_away');
      expect((await request(own, 'POST', '/api/v1/app', { name: 'x' })).status).toBe(500);
      expect((await own.client.application.list()).data).toEqual([]);
    } finally {
      await own.stop();
    }
  });

  test('a change whose entry cannot be completed is answered all the same, and logged', async () => {
    const lines: string[] = [];
    const own = await startTestApi({ logTo: { write: (line) => void lines.push(line) } });
    try {
      await own.db.pool.query(`
        create function public.refuse() returns trigger language plpgsql as $$ begin raise 'refused'; end $$;
        create trigger refused before update on posthorn.audit_log
          for each statement execute function public.refuse()`);
      const answer = await request(own, 'POST', '/api/v1/app', { name: 'x' });
      expect(answer.status).toBe(201);
      const line = lines.find((one) => one.includes('audit log'));
      expect(line).toContain('"level":50');
      expect(line).toContain(String(answer.body.id));
      expect(line).toContain('"route":"/api/v1/app"');
      const { rows } = await own.db.pool.query('select status, route from posthorn.audit_log');
      expect(rows).toEqual([{ status: null, route: '/api/v1/app' }]);
    } finally {
      await own.stop();
    }
  });

  test('are there for a change that was made by a process which died before it could say so', async () => {
    const database = await createTestDatabase();
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    try {
      const server = await startPosthorn(database.url, { POSTHORN_DATABASE_CONNECTIONS: '5' });
      // Completing an entry waits for this lock: the change is committed by then.
      await holder.query(`
        create function public.wait() returns trigger language plpgsql as $$
          begin perform pg_advisory_xact_lock(1); return new; end $$;
        create trigger waits before update on posthorn.audit_log
          for each statement execute function public.wait();
        select pg_advisory_lock(1)`);
      const asked = request({ url: server.url, token: testToken }, 'POST', '/api/v1/app', { name: 'made' });
      asked.catch(() => {});
      await waitFor(
        async () =>
          (await holder.query(`select from posthorn.application where name = 'made'`)).rows.length > 0,
        { what: 'the change' },
      );
      await server.end('SIGKILL');
      await expect(asked).rejects.toThrow();
      await holder.query('drop trigger waits on posthorn.audit_log; select pg_advisory_unlock(1)');
      const { url } = await startPosthorn(database.url);
      expect(await entries('', { url, token: testToken })).toMatchObject([
        { method: 'POST', route: '/api/v1/app', tokenName: 'POSTHORN_TOKEN', status: null },
      ]);
    } finally {
      await endAllPosthorn();
      await holder.end();
      await database.drop();
    }
  });
});
