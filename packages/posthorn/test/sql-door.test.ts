// The SQL door: what a transaction sends becomes exactly one message after its commit, whoever dies when.
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from './support/database.ts';
import type { TestDatabase } from './support/database.ts';
import { endAllPosthorn, startPosthorn } from './support/posthorn-process.ts';
import type { PosthornProcess } from './support/posthorn-process.ts';
import { startRecorder } from './support/recorder.ts';
import type { Recorder } from './support/recorder.ts';
import { waitFor } from './support/wait.ts';

let database: TestDatabase;
let posthorn: PosthornProcess;
let receiver: Recorder;
let db: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  db = new pg.Client({ connectionString: database.url });
  await db.connect();
  posthorn = await startPosthorn(database.url);
});
afterAll(async () => {
  await endAllPosthorn();
  await db.end();
  await database.drop();
});
beforeEach(async () => {
  receiver = await startRecorder();
});
afterEach(() => receiver.stop());

async function makeApplication(uid: string, more: Record<string, unknown> = {}): Promise<string> {
  const { id } = await posthorn.client.application.create({ name: uid, uid });
  await posthorn.client.endpoint.create(id, { url: receiver.url, ...more });
  return id;
}

async function send(application: string, payload: unknown, more = ''): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    `select posthorn.send($1, 'order.paid', $2::jsonb ${more}) as id`,
    [application, JSON.stringify(payload)],
  );
  return rows[0]!.id;
}

const received = () => receiver.requests.map(({ headers }) => String(headers['webhook-id']));
const bodies = () =>
  receiver.requests.map(({ body }) => JSON.parse(body.toString()) as Record<string, unknown>);

async function count(from: string, values: unknown[] = []): Promise<number> {
  const { rows } = await db.query<{ n: number }>(`select count(*)::integer as n from ${from}`, values);
  return rows[0]!.n;
}

const unsent = () => count('posthorn.outbox');

describe('posthorn.send', () => {
  test('what was committed is delivered under the id that was returned, what was rolled back is not', async () => {
    const app = await makeApplication('commit');
    await db.query('begin');
    const lost = await send('commit', { n: 1 });
    await db.query('rollback');
    await db.query('begin');
    const id = await send('commit', { n: 2 }, `, channels => null, tags => '{a}'`);
    expect(await count('posthorn.message where id = $1', [id])).toBe(0);
    await db.query('commit');
    await waitFor(() => receiver.requests.length > 0, { what: 'the delivery' });
    expect(received()).toEqual([id]);
    expect(bodies()).toEqual([{ n: 2 }]);
    const message = await posthorn.client.message.get(app, id, { withContent: true });
    expect(message).toMatchObject({ id, eventType: 'order.paid', payload: { n: 2 }, tags: ['a'] });
    await expect(posthorn.client.message.get(app, lost)).rejects.toMatchObject({ code: 404 });
    expect(id).toMatch(/^msg_[0-9A-Za-z]{22}$/);
    expect(await unsent()).toBe(0);
  });

  test('an event id is sent once', async () => {
    const app = await makeApplication('once');
    await send('once', { n: 1 }, `, event_id => 'order-7'`);
    await send('once', { n: 2 }, `, event_id => 'order-7'`);
    await waitFor(async () => (await unsent()) === 0, { what: 'an empty outbox' });
    const { data } = await posthorn.client.message.list(app, { withContent: true });
    expect(data.map(({ eventId, payload }) => ({ eventId, payload }))).toEqual([
      { eventId: 'order-7', payload: { n: 1 } },
    ]);
  });

  test.each([
    [`'a b', 'bad type', '{}'`, 'event type'],
    [`'a', 'ok', '[]'`, 'JSON object'],
    [`'a', 'ok', null`, 'JSON object'],
    [`'', 'ok', '{}'`, 'id or a uid'],
    [`'a', 'ok', '{}', event_id => 'msg_x'`, 'event id'],
    [`'a', 'ok', '{}', channels => '{a b}'`, 'channels'],
    [`'a', 'ok', '{}', tags => array[repeat('x', 129)]`, 'tags'],
    [`'a', 'ok', '{}', environment => 'nowhere'`, 'no environment'],
    [`'a', 'ok', jsonb_build_object('a', repeat('x', 1048576))`, 'at most 1048576'],
  ])('send(%s) fails in the transaction', async (args, reason) => {
    await expect(db.query(`select posthorn.send(${args})`)).rejects.toThrow(reason);
  });

  test('an unknown application is told, and what waits for it comes first when it is there', async () => {
    const first = await send('later', { n: 1 });
    const problem = await waitFor(
      async () => {
        const { rows } = await db.query('select problem from posthorn.unsent where message_id = $1', [first]);
        return rows[0]?.problem;
      },
      { what: 'the problem' },
    );
    expect(problem).toContain('application later does not exist');
    expect(posthorn.log()).toContain('unknown application');
    await makeApplication('later', { ordering: { mode: 'fifo' } });
    const second = await send('later', { n: 2 });
    await waitFor(() => receiver.requests.length === 2, { what: 'both' });
    expect(new Set(received())).toEqual(new Set([first, second]));
    const { rows } = await db.query(
      'select message_id from posthorn.delivery where message_id = any ($1) order by created_at, message_id',
      [[first, second]],
    );
    expect(rows.map((row) => row.message_id)).toEqual([first, second]);
    expect(await unsent()).toBe(0);
  });

  test('one that waited for hours is found at the time when it was written', async () => {
    const app = await makeApplication('patient');
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);
    const writtenAt = hoursAgo(3);
    const { rows } = await db.query<{ message_id: string }>(
      `insert into posthorn.outbox (message_id, environment_id, application, shard, event_type, payload, created_at)
       select 'msg_' || posthorn.base62($2, 8) || '000' || posthorn.base62(7, 11), environment_id, $1,
         posthorn.outbox_shard(environment_id, $1), 'order.paid', '{}', now()
       from posthorn.application where id = $1 returning message_id`,
      [app, writtenAt.getTime()],
    );
    const id = rows[0]?.message_id ?? '';
    await waitFor(() => receiver.requests.length === 1, { what: 'the delivery' });
    const { message, endpoint } = posthorn.client;
    expect((await message.get(app, id)).timestamp).toEqual(writtenAt);
    const found = async (after: Date, before: Date) =>
      (await message.list(app, { after, before })).data.map((one) => one.id);
    expect(await found(hoursAgo(3.1), hoursAgo(2.9))).toEqual([id]);
    expect(await found(hoursAgo(2.9), hoursAgo(0))).toEqual([]);
    const late = await endpoint.create(app, { url: receiver.url });
    await endpoint.replayMissing(app, late.id, { since: hoursAgo(4) });
    await waitFor(() => receiver.requests.length === 2, { what: 'the replay' });
    expect(received()).toEqual([id, id]);
  });

  test('one that has a problem can be given up', async () => {
    const id = await send('nobody', {});
    await waitFor(() => count('posthorn.unsent where problem is not null'), { what: 'the problem' });
    const discard = async () => {
      const { rows } = await db.query('select posthorn.discard($1) as done', [id]);
      return rows[0].done;
    };
    expect(await discard()).toBe(true);
    expect(await discard()).toBe(false);
    expect(await unsent()).toBe(0);
  });

  test('another environment is another name', async () => {
    await expect(send('x', {}, `, environment => 'test'`)).rejects.toThrow('no environment called test');
    await db.query(`insert into posthorn.environment (id, name) values ('env_other', 'other')`);
    await makeApplication('here');
    const id = await send('here', {}, `, environment => 'other'`);
    await waitFor(() => count('posthorn.unsent where problem is not null'), { what: 'the problem' });
    expect(received()).toEqual([]);
    await db.query('select posthorn.discard($1)', [id]);
  });
});

describe('deaths', () => {
  test('what was committed while nobody ran is delivered once someone does', async () => {
    const app = await makeApplication('alone');
    await posthorn.end('SIGKILL');
    const id = await send('alone', { n: 1 });
    posthorn = await startPosthorn(database.url);
    await waitFor(() => receiver.requests.length > 0, { what: 'the delivery' });
    expect(received()).toEqual([id]);
    expect((await posthorn.client.message.get(app, id)).id).toBe(id);
  });

  test('a kill in the middle neither loses nor doubles a message', async () => {
    const app = await makeApplication('killed');
    const total = 2_000;
    const ids = new Set<string>();
    const other = await startPosthorn(database.url);
    for (let n = 0; n < total; n += 200) {
      const { rows } = await db.query<{ id: string }>(
        `select posthorn.send('killed', 'order.paid', jsonb_build_object('n', n)) as id
         from generate_series($1::integer, $1 + 199) n`,
        [n],
      );
      for (const { id } of rows) ids.add(id);
      if (n === 1_000) {
        await posthorn.end('SIGKILL');
        posthorn = other;
      }
    }
    expect(ids.size).toBe(total);
    await waitFor(() => new Set(received()).size === total, { timeoutMs: 90_000, what: 'all deliveries' });
    const { rows } = await db.query('select id from posthorn.message where application_id = $1', [app]);
    expect(rows).toHaveLength(total);
    expect(new Set(rows.map(({ id }) => id))).toEqual(ids);
    expect(await unsent()).toBe(0);
  });

  test('two servers keep the order of one application', async () => {
    const app = await makeApplication('ordered', { ordering: { mode: 'fifo' } });
    const other = await startPosthorn(database.url);
    const sent: string[] = [];
    for (let n = 0; n < 300; n += 1) sent.push(await send('ordered', { n }));
    await waitFor(async () => (await count('posthorn.message where application_id = $1', [app])) === 300, {
      what: 'all messages',
    });
    const { rows } = await db.query(
      'select message_id from posthorn.delivery where application_id = $1 order by order_at, message_id',
      [app],
    );
    expect(rows.map((row) => row.message_id)).toEqual(sent);
    await other.end('SIGTERM');
  });
});

describe('posthorn.watch', () => {
  beforeAll(() =>
    db.query(
      `create table public.invoice (id integer primary key, customer text, amount integer, note text)`,
    ),
  );

  test('inserts, updates and deletes are messages to the application that the row names', async () => {
    await makeApplication('acme');
    const { rows } = await db.query(
      `select posthorn.watch('public.invoice', columns => '{id,amount}', application_column => 'customer') as name`,
    );
    expect(rows).toEqual([{ name: 'posthorn_invoice' }]);
    await db.query(`insert into invoice values (1, 'acme', 10, 'secret'), (2, null, 1, null)`);
    await waitFor(() => receiver.requests.length === 1, { what: 'the insert' });
    await db.query(`update invoice set note = 'other' where id = 1`);
    await db.query(`update invoice set amount = 12 where id = 1`);
    await waitFor(() => receiver.requests.length === 2, { what: 'the update' });
    await db.query('delete from invoice');
    await waitFor(() => receiver.requests.length === 3, { what: 'the delete' });
    const timestamp = expect.any(String);
    expect(bodies()).toEqual([
      { type: 'invoice.created', timestamp, data: { id: 1, amount: 10 } },
      { type: 'invoice.updated', timestamp, data: { id: 1, amount: 12 }, previous: { amount: 10 } },
      { type: 'invoice.deleted', timestamp, data: { id: 1, amount: 12 } },
    ]);
    expect(await unsent()).toBe(0);
  });

  test('the operations, the prefix and one application for all can be chosen, and ended', async () => {
    await makeApplication('fixed');
    const watch = `select posthorn.watch('invoice'::regclass, '{*}', application => 'fixed', event_prefix => 'bill',
      operations => '{insert}')`;
    await db.query(watch);
    await db.query(watch);
    await db.query(`select posthorn.unwatch('invoice')`);
    await db.query(`insert into invoice values (3, 'acme', 1, 'n')`);
    await db.query('delete from invoice');
    await waitFor(() => receiver.requests.length === 1, { what: 'the insert' });
    expect(bodies()[0]).toMatchObject({
      type: 'bill.created',
      data: { id: 3, customer: 'acme', amount: 1, note: 'n' },
    });
    const { rows } = await db.query(
      `select posthorn.unwatch('invoice', 'bill') as first, posthorn.unwatch('invoice', 'none') as second`,
    );
    expect(rows).toEqual([{ first: true, second: false }]);
    await waitFor(async () => (await unsent()) === 0, { what: 'an empty outbox' });
    expect(receiver.requests).toHaveLength(1);
  });

  test.each([
    [`columns => '{id}'`, 'either application'],
    [`columns => '{}', application => 'a'`, 'name the columns'],
    [`columns => '{id,nope}', application => 'a'`, 'no column nope'],
    [`columns => '{id}', application_column => 'nope'`, 'no column nope'],
    [`columns => '{id}', application => 'a', operations => '{truncate}'`, 'operations are'],
    [`columns => '{id}', application => 'a', event_prefix => 'a b'`, 'event prefix'],
  ])('watch(%s) is refused', async (args, reason) => {
    await expect(db.query(`select posthorn.watch('public.invoice', ${args})`)).rejects.toThrow(reason);
  });
});

describe('rights', () => {
  const role = `posthorn_test_sender_${process.pid}`;
  beforeAll(async () => {
    await db.query(`create role ${role}; create schema shop authorization ${role}`);
  });
  afterAll(async () => {
    await db.query(`reset role; drop owned by ${role} cascade; drop role ${role}`);
  });
  afterEach(() => db.query('reset role'));

  test('a role sends only after it was allowed to, and reaches no table', async () => {
    await makeApplication('tenant');
    await db.query(`set role ${role}`);
    await expect(send('tenant', {})).rejects.toThrow('permission denied');
    await db.query('reset role');
    await db.query(`select posthorn.allow_sending('${role}')`);
    await db.query(`set role ${role}`);
    const id = await send('tenant', { by: 'role' });
    await db.query(`create table shop.item (id integer)`);
    await db.query(`select posthorn.watch('shop.item', '{*}', application => 'tenant')`);
    await db.query(`insert into shop.item values (5)`);
    for (const table of ['outbox', 'message', 'endpoint_secret', 'token']) {
      await expect(db.query(`select from posthorn.${table}`)).rejects.toThrow('permission denied');
    }
    await expect(db.query(`select posthorn.allow_sending('${role}')`)).rejects.toThrow('permission denied');
    await waitFor(() => receiver.requests.length === 2, { what: 'both' });
    expect(received()).toContain(id);
    expect(bodies()).toContainEqual(expect.objectContaining({ type: 'item.created', data: { id: 5 } }));
  });

  test('a role sees what it has not sent yet, and not what others have not', async () => {
    const other = `${role}_other`;
    const waiting = async () => {
      const { rows } = await db.query<{ message_id: string }>('select message_id from posthorn.unsent');
      return rows.map(({ message_id }) => message_id).toSorted();
    };
    await db.query(`create role ${other}`);
    try {
      for (const one of [role, other]) await db.query(`select posthorn.allow_sending('${one}')`);
      const own = await send('nobody-yet', {});
      await db.query(`set role ${role}`);
      const first = await send('nobody-yet', {});
      expect(await waiting()).toEqual([first]);
      await db.query(`reset role; set session authorization ${other}`);
      const second = await send('nobody-yet', {});
      expect(await waiting()).toEqual([second]);
      await db.query(`reset session authorization`);
      expect(await waiting()).toEqual([own, first, second].toSorted());
      await db.query(`grant ${role} to ${other}; set role ${other}`);
      expect(await waiting()).toEqual([first, second].toSorted());
      await db.query('reset role; delete from posthorn.outbox');
    } finally {
      await db.query(
        `reset session authorization; reset role; drop owned by ${other} cascade; drop role ${other}`,
      );
    }
  });
});

test('every snippet of docs/sql.md runs, in its order', async () => {
  const guide = await readFile(new URL('../../../docs/sql.md', import.meta.url), 'utf8');
  const snippets = [...guide.matchAll(/```sql\n(.*?)```/gs)].map(([, text]) => text ?? '');
  expect(snippets.length).toBeGreaterThan(3);
  await makeApplication('acme-guide');
  try {
    for (const snippet of snippets) await db.query(snippet);
  } finally {
    await db.query('rollback; reset role; drop owned by shop_guide cascade; drop role shop_guide');
  }
  await waitFor(() => receiver.requests.length >= 2, { what: 'what the guide sent' });
});
