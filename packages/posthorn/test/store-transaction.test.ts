// What becomes of a transaction whose process stands still in the middle of it.
import type { Socket } from 'node:net';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isDatabaseUnavailable } from '../src/store/availability.ts';
import { recoverLeases } from '../src/store/leases.ts';
import { inTransaction } from '../src/store/transaction.ts';
import { openThroughGate, startDatabaseGate } from './support/database-gate.ts';
import { openTestStore, type TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.stop());

const standStill = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

it('one that stood still for too long is like a database that is away: it works when it comes again', async () => {
  const frozen = inTransaction(store.pool, async (client) => {
    await client.query('set local idle_in_transaction_session_timeout = 50');
    standStill(500);
    await client.query('select 1');
  });
  const error = await frozen.catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: '25P03' });
  expect(isDatabaseUnavailable(error)).toBe(true);
});

/** As when a process stops while it writes: what follows never comes. */
function sendHalfOfStatement(client: pg.PoolClient): void {
  const { connection } = client as unknown as {
    connection: { stream: Socket; parse(query: { name: string; text: string; types: number[] }): void };
  };
  connection.parse({ name: '', text: 'select $1::text', types: [] });
  const bind = Buffer.alloc(100);
  bind.write('B');
  bind.writeInt32BE(100_000, 1);
  connection.stream.write(bind);
}

it('one that stood still with half a statement sent does not keep its locks for good', async () => {
  const application = await store.makeApplication();
  const owner = await store.makeProcess();
  await store.lease(application, owner);
  const pool = store.openPool(1);
  let limit: string | undefined;
  const ended = inTransaction(pool, async (client) => {
    await client.query('select from posthorn.process where id = $1 for key share', [owner]);
    const { rows } = await client.query<{ limit: string }>(
      "select current_setting('transaction_timeout', true) as limit",
    );
    limit = rows[0]?.limit;
    // Its own time is too long for a test; what is running is only measured anew from nothing.
    await client.query('set local transaction_timeout = 0');
    await client.query('set local transaction_timeout = 500');
    sendHalfOfStatement(client);
    await new Promise((_resolve, reject) => client.once('error', reject));
  }).catch((error: unknown) => error);
  await waitFor(() => limit !== undefined, { what: 'the transaction' });
  expect(limit).toBe('2min');
  await waitFor(
    async () => (await recoverLeases(store.pool, 60_000, { deadIds: [owner] })).deliveryCount === 1,
    {
      what: 'the leases of the frozen process',
    },
  );
  expect(await ended).toBeInstanceOf(Error);
});

it('one whose statement got no answer gives up its connection at once, and asks nothing more of it', async () => {
  const gate = await startDatabaseGate(store.url);
  const { pool, close } = openThroughGate(gate);
  const asked: unknown[] = [];
  const hung = inTransaction(pool, async (client) => {
    const query = client.query.bind(client) as (text: string) => Promise<unknown>;
    const noted = (text: string) => {
      asked.push(text);
      return query(text);
    };
    Object.assign(client, { query: noted });
    gate.pause();
    await client.query('select 1');
  });
  await expect(hung).rejects.toThrow('Query read timeout');
  expect(asked).toEqual(['select 1']);
  expect(pool.totalCount).toBe(0);
  gate.resume();
  await close();
  await gate.stop();
});
