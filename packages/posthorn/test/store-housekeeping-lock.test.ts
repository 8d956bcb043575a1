// Who keeps house on a database: one connection at a time, and none that does not know that it does.
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createHousekeeper } from '../src/delivery/housekeeper.ts';
import { systemClock } from '../src/lib/clock.ts';
import { withHousekeepingLock } from '../src/store/retention.ts';
import { openThroughGate, startDatabaseGate } from './support/database-gate.ts';
import { openTestStore, type TestStore } from './support/store.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.stop());

/** What its connections are asked first is done, and the answer comes too late, as from a server that froze. */
const withLateAnswers = (pool: pg.Pool): pg.Pool => {
  const connect = async () => {
    const client = await pool.connect();
    const query = client.query.bind(client);
    const late = async (text: string, values?: unknown[]) => {
      client.query = query;
      await query(text, values);
      throw new Error('Query read timeout');
    };
    return Object.assign(client, { query: late });
  };
  return { connect } as unknown as pg.Pool;
};

it('a connection that may have the lock without knowing does not keep it', async () => {
  const work = () => Promise.resolve('done');
  await expect(withHousekeepingLock(withLateAnswers(store.openPool(1)), work)).rejects.toThrow('timeout');
  await expect.poll(() => withHousekeepingLock(store.pool, work)).toBe('done');
});

const limitSql = "select current_setting('idle_session_timeout') as limit";

it('whoever falls silent with the lock loses it, and the pool keeps its idle connections', async () => {
  const pool = store.openPool(1);
  const limitOf = async (db: Pick<pg.Pool, 'query'>) =>
    (await db.query<{ limit: string }>(limitSql)).rows[0]?.limit;
  let others: unknown = 'not asked';
  const within = await withHousekeepingLock(pool, async (db) => {
    others = await withHousekeepingLock(store.pool, () => Promise.resolve('also'));
    return (await db.query<{ limit: string }>(limitSql)).rows[0]?.limit;
  });
  expect([within, others, await limitOf(pool), await limitOf(store.pool)]).toEqual([
    '1min',
    undefined,
    '0',
    '0',
  ]);
});

it('upkeep ends with its connection, and does not try all that is left on it', async () => {
  const gate = await startDatabaseGate(store.url);
  const { pool, close } = openThroughGate(gate);
  const failed: string[] = [];
  const silent = () => {};
  const log = {
    // The first of its steps is done.
    debug: () => gate.pause(),
    info: silent,
    warn: silent,
    error: (_fields: object, text: string) => failed.push(text),
  };
  await expect(createHousekeeper({ pool, log, clock: systemClock }).runOnce()).rejects.toThrow(
    'Query read timeout',
  );
  expect(failed).toEqual([]);
  expect(pool.totalCount).toBe(0);
  gate.resume();
  await close();
  await gate.stop();
});
