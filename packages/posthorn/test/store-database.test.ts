// Connections that nobody knows the state of: whoever comes next must not get one.
import { type Kysely, sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createListener } from '../src/store/listen.ts';
import type { Tables } from '../src/store/tables.ts';
import { type DatabaseGate, openThroughGate, startDatabaseGate } from './support/database-gate.ts';
import { openTestStore, type TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';

let store: TestStore;
let gate: DatabaseGate;

beforeAll(async () => {
  store = await openTestStore();
  gate = await startDatabaseGate(store.url);
});
afterAll(async () => {
  await gate.stop();
  await store.stop();
});

const insertSql = 'insert into posthorn.endpoint_failing (endpoint_id) values ($1)';
const insert = (trx: Kysely<Tables>, endpointId: string) =>
  sql`insert into posthorn.endpoint_failing (endpoint_id) values (${endpointId})`.execute(trx);
const countOf = (endpointId: string) =>
  store.count('posthorn.endpoint_failing where endpoint_id = $1', [endpointId]);

it('a statement after a transaction that hung is not written into that transaction', async () => {
  const { pool, queries, close } = openThroughGate(gate);
  const hung = queries.transaction().execute(async (trx) => {
    await insert(trx, 'ep_before');
    gate.pause();
    await insert(trx, 'ep_hung');
  });
  await expect(hung).rejects.toThrow('Query read timeout');
  const written = pool.query(insertSql, ['ep_after']);
  gate.resume();
  await written;
  expect(await countOf('ep_after')).toBe(1);
  expect(await countOf('ep_before')).toBe(0);
  await close();
});

it('a connection whose statement hung without a transaction is not used again', async () => {
  const { pool, queries, close } = openThroughGate(gate);
  const pidOf = async () =>
    (await pool.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
  const before = await pidOf();
  gate.pause();
  await expect(queries.selectFrom('application').select('id').execute()).rejects.toThrow('timeout');
  const asked = pidOf();
  gate.resume();
  expect(await asked).not.toBe(before);
  await close();
});

it('a violation leaves the connection in use', async () => {
  const { pool, queries, close } = openThroughGate(gate);
  const pidOf = async () =>
    (await pool.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
  const before = await pidOf();
  const twice = queries.transaction().execute(async (trx) => {
    for (const _time of [1, 2]) await insert(trx, 'ep_twice');
  });
  await expect(twice).rejects.toThrow('duplicate key');
  expect(await pidOf()).toBe(before);
  expect(await countOf('ep_twice')).toBe(0);
  await close();
});

it('PostgreSQL finds out within seconds that the other end is gone', async () => {
  const { rows } = await store.pool.query<{ name: string; setting: string }>(
    `select name, setting from pg_settings where name like 'tcp\\_%' order by name`,
  );
  expect(rows.map(({ name, setting }) => `${name}=${setting}`)).toEqual([
    'tcp_keepalives_count=3',
    'tcp_keepalives_idle=10',
    'tcp_keepalives_interval=3',
    'tcp_user_timeout=15000',
  ]);
});

it('a listener whose server is gone without a word is closed all the same', async () => {
  const listener = createListener({
    url: gate.url,
    applicationName: 'posthorn test',
    queryTimeoutMs: 400,
  });
  await listener.ensure(() => {});
  expect(listener.isConnected()).toBe(true);
  gate.pause();
  let isClosed = false;
  void listener.close().then(() => {
    isClosed = true;
  });
  await waitFor(() => isClosed, { timeoutMs: 10_000, what: 'the end of the listener' });
  gate.resume();
});
