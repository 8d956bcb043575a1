// Who keeps house on a database: one connection at a time, and none that does not know that it does.
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withHousekeepingLock } from '../src/store/retention.ts';
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
