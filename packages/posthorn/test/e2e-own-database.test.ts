// Rows in Posthorn's own database: written by the transaction that records the attempt, exactly once, whoever dies.
import pg from 'pg';
import { beforeEach, describe, expect, test } from 'vitest';
import { request } from './support/api.ts';
import { cleanups, testDatabase } from './support/end-to-end.ts';
import { type PosthornProcess, startPosthorn, testToken } from './support/posthorn-process.ts';
import { waitFor } from './support/wait.ts';

const env = { POSTHORN_ALLOW_TABLES: 'public.orders,public.log,public.strict' };

let databaseUrl: string;
let client: pg.Client;

beforeEach(async () => {
  databaseUrl = await testDatabase();
  client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  cleanups.push(() => client.end());
});

async function applicationOf({ client: svix }: PosthornProcess): Promise<string> {
  return (await svix.application.create({ name: 'Acme' })).id;
}

function makeEndpoint({ url }: PosthornProcess, app: string, config: object, more: object = {}) {
  const body = { kind: 'postgres', config: { database: 'posthorn', ...config }, ...more };
  return request({ url, token: testToken }, 'POST', `/api/v1/app/${app}/endpoint`, body);
}

const send = ({ client: svix }: PosthornProcess, app: string, payload: object) =>
  svix.message.create(app, { eventType: 'order.paid', payload });

/** What became of the deliveries: state to count. */
async function states(): Promise<Record<string, number>> {
  const { rows } = await client.query<{ state: string; n: number }>(
    'select state, count(*)::integer as n from posthorn.delivery group by state',
  );
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
}

const allSucceeded = (count: number) =>
  waitFor(async () => (await states()).succeeded === count, {
    what: `${count} deliveries`,
  });

// The user of the tests is called like Posthorn's schema, and would make tables there.
describe('an endpoint that writes here', () => {
  test('writes the row and the attempt in one transaction, by key, and only if newer', async () => {
    await client.query(
      `create table public.orders (id integer primary key, total numeric, changed_at timestamptz, raw jsonb,
         transaction xid8 default pg_current_xact_id())`,
    );
    const posthorn = await startPosthorn(databaseUrl, env);
    const app = await applicationOf(posthorn);
    const columns = {
      id: 'payload.id',
      total: 'payload.lines[0].total',
      changed_at: 'payload.changedAt',
      raw: 'payload',
    };
    const config = { table: 'orders', columns, key: ['id'], newerBy: 'changed_at' };
    const made = await makeEndpoint(posthorn, app, config);
    expect(made.status, made.text).toBe(201);
    const total = '{"id":1,"changedAt":"2026-01-02T00:00:00Z","lines":[{"total":12345678901234567890.05}]}';
    await request(
      { url: posthorn.url, token: testToken },
      'POST',
      `/api/v1/app/${app}/msg`,
      `{"eventType":"order.paid","payload":${total}}`,
    );
    await allSucceeded(1);
    const { rows } = await client.query(
      `select o.total::text, o.transaction::xid = a.xmin and a.xmin = d.xmin as same, a.outcome,
         convert_from(a.response_body, 'utf8') as said
       from public.orders o, posthorn.attempt a, posthorn.delivery d`,
    );
    expect(rows).toEqual([
      { total: '12345678901234567890.05', same: true, outcome: 'accepted', said: '1 row written' },
    ]);
    await send(posthorn, app, { id: 1, changedAt: '2026-01-01T00:00:00Z', lines: [{ total: 1 }] });
    await allSucceeded(2);
    const after = await client.query('select total::text from public.orders');
    expect(after.rows).toEqual([{ total: '12345678901234567890.05' }]);
  });

  test('is told what the table refuses, and leaves nothing of it', async () => {
    await client.query(
      `create table public.strict (id integer primary key, other integer,
         foreign key (other) references public.strict deferrable initially deferred)`,
    );
    const posthorn = await startPosthorn(databaseUrl, env);
    const app = await applicationOf(posthorn);
    const columns = { id: 'payload.id', other: 'payload.other' };
    await makeEndpoint(
      posthorn,
      app,
      { table: 'public.strict', columns, key: ['id'] },
      { retrySchedule: [] },
    );
    for (const payload of [{ id: 'one' }, { other: 1 }, { id: 1, other: 9 }]) {
      await send(posthorn, app, payload);
    }
    await waitFor(async () => (await states()).exhausted === 3, { what: 'three refusals' });
    const { rows } = await client.query<{ outcome: string; detail: string }>(
      'select outcome, detail from posthorn.attempt order by id',
    );
    expect(rows.map(({ outcome }) => outcome)).toEqual(['rejected', 'rejected', 'rejected']);
    const codes = rows.map(({ detail }) => /\((\w{5})\)/.exec(detail)?.[1]).toSorted();
    expect(codes).toEqual(['22P02', '23502', '23503']);
    expect((await client.query('select from public.strict')).rowCount).toBe(0);
  });

  test('fills a hundred columns', async () => {
    const names = Array.from({ length: 100 }, (_, n) => `c${n}`);
    await client.query(`create table public.orders (${names.map((name) => `${name} integer`).join(', ')})`);
    const posthorn = await startPosthorn(databaseUrl, env);
    const app = await applicationOf(posthorn);
    const columns = Object.fromEntries(names.map((name) => [name, `payload.${name}`]));
    await makeEndpoint(posthorn, app, { table: 'orders', columns });
    await send(posthorn, app, Object.fromEntries(names.map((name, n) => [name, n])));
    await allSucceeded(1);
    const { rows } = await client.query('select c0, c50, c99 from public.orders');
    expect(rows).toEqual([{ c0: 0, c50: 50, c99: 99 }]);
  });

  test('waits for tables that are locked by a few connections, and leaves others their turn', async () => {
    await client.query('create table public.orders (id text); create table public.log (id text)');
    const posthorn = await startPosthorn(databaseUrl, { ...env, POSTHORN_DATABASE_CONNECTIONS: '6' });
    const app = await applicationOf(posthorn);
    await makeEndpoint(posthorn, app, { table: 'orders', columns: { id: 'id' } });
    await client.query('begin; lock table public.orders');
    for (let n = 0; n < 8; n += 1) await send(posthorn, app, { n });
    const waiting = async () => {
      const { rows } = await client.query<{ n: number }>(
        `select count(*)::integer as n from pg_locks
         where relation = 'public.orders'::regclass and not granted`,
      );
      return rows[0]?.n;
    };
    await waitFor(waiting, { what: 'a write that waits' });
    // With all of the connections taken, it could not be accepted.
    await send(posthorn, app, { n: 8 });
    expect(await waiting()).toBeLessThanOrEqual(2);
    await client.query('commit');
    await allSucceeded(9);
    expect((await client.query('select distinct id from public.orders')).rowCount).toBe(9);
  });

  test('takes the place of one that had an address and a password, which are gone then', async () => {
    const posthorn = await startPosthorn(databaseUrl, env);
    const app = await applicationOf(posthorn);
    const columns = { id: 'payload.id' };
    const elsewhere = { url: 'postgres://hooks@db.example.com/shop', password: 'secret' };
    const own = { database: 'posthorn', table: 'orders', columns };
    for (const [method, config] of [
      ['PUT', own],
      ['PATCH', { ...own, url: null }],
    ] as const) {
      const made = await makeEndpoint(posthorn, app, {
        table: 'orders',
        columns,
        ...elsewhere,
        database: undefined,
      });
      expect(made.status, made.text).toBe(201);
      const change = (how: string, given: object) =>
        request(
          { url: posthorn.url, token: testToken },
          how,
          `/api/v1/app/${app}/endpoint/${String(made.body.id)}`,
          { kind: 'postgres', config: given },
        );
      const changed = await change(method, config);
      expect(changed.status, changed.text).toBe(200);
      expect(changed.body.config).toEqual(own);
      // Nothing of it is kept for later.
      const back = { database: null, url: elsewhere.url };
      expect((await change('PATCH', back)).body.config).toEqual({ table: 'orders', columns, url: back.url });
      const { rows } = await client.query<{ url: string }>(
        'select url from posthorn.endpoint where id = $1',
        [made.body.id],
      );
      expect(rows).toEqual([{ url: 'postgres://db.example.com:5432/shop orders' }]);
    }
  });

  test('is refused tables that the operator did not open', async () => {
    const posthorn = await startPosthorn(databaseUrl, env);
    const app = await applicationOf(posthorn);
    for (const table of ['posthorn.token', 'public.other', 'orders"; drop table x', 'pg_catalog.pg_class']) {
      const made = await makeEndpoint(posthorn, app, { table, columns: { id: 'id' } });
      expect(made.status, table).toBe(422);
      expect(made.text).toContain('"table"');
    }
    const badColumn = await makeEndpoint(posthorn, app, { table: 'orders', columns: { 'a" int': 'id' } });
    expect(badColumn.status).toBe(422);
  });
});

describe('when processes are killed', () => {
  test('every message has exactly one row', async () => {
    await client.query('create table public.log (message text)');
    const count = 400;
    let posthorns = await Promise.all([startPosthorn(databaseUrl, env), startPosthorn(databaseUrl, env)]);
    const app = await applicationOf(posthorns[0]);
    await makeEndpoint(posthorns[0], app, { table: 'log', columns: { message: 'id' } });
    const rowsAtLeast = (n: number) =>
      waitFor(async () => Number((await client.query('select from public.log')).rowCount) >= n, {
        what: `${n} rows`,
      });
    const messages = Array.from({ length: count }, (_, n) => ({ eventType: 'order.paid', payload: { n } }));
    const sent = request(
      { url: posthorns[0].url, token: testToken },
      'POST',
      `/api/v1/app/${app}/msg/batch`,
      { messages },
    );
    await sent;
    for (const [turn, rows] of [20, 90, 200].entries()) {
      await rowsAtLeast(rows);
      await posthorns[turn % 2]?.end('SIGKILL');
      const fresh = await startPosthorn(databaseUrl, env);
      posthorns = turn % 2 === 0 ? [fresh, posthorns[1]] : [posthorns[0], fresh];
    }
    await allSucceeded(count);
    const { rows } = await client.query(
      'select count(*)::integer as rows, count(distinct message)::integer as messages from public.log',
    );
    expect(rows).toEqual([{ rows: count, messages: count }]);
  });
});
