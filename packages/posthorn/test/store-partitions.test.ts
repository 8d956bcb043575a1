// Partitions by day: made once and ahead of time, with bounds that fit the ids, and no obstacle to anybody.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIdSource, idFloor } from '../src/lib/ids.ts';
import { dayMs, ensurePartitions } from '../src/store/partitions.ts';
import { deleteOldIdempotencyKeys } from '../src/store/idempotency-keys.ts';
import { openTestStore } from './support/store.ts';
import type { TestApplication, TestStore } from './support/store.ts';

let store: TestStore;
let application: TestApplication;

beforeAll(async () => {
  store = await openTestStore();
  application = await store.makeApplication(1);
});
afterAll(() => store.stop());

const pace = { pagesMax: 1, rowsMax: 1, breathe: async () => {} };

const idAt = (prefix: 'msg_' | 'atmpt_', timeMs: number) => createIdSource(() => timeMs, randomBytes)(prefix);

/** Inserts a message that was made at `timeMs` and tells which partition it is in. */
async function partitionOf(timeMs: number): Promise<string> {
  const { rows } = await store.pool.query<{ name: string }>(
    `with made as (
       insert into posthorn.message (application_id, id, event_type) values ($1, $2, 'x') returning tableoid
     ) select relname as name from pg_class join made on pg_class.oid = made.tableoid`,
    [application.id, idAt('msg_', timeMs)],
  );
  return rows[0]!.name;
}

const partitionsOf = async (table: string) => {
  const { rows } = await store.pool.query<{ name: string; bounds: string }>(
    `select c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bounds from pg_inherits i
     join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass order by c.relname`,
    [`posthorn.${table}`],
  );
  return rows;
};

describe('partitions', () => {
  it('are made for today and the days ahead, of all tables, and only where they are missing', async () => {
    const nowMs = Date.UTC(2030, 11, 30, 23, 59, 59, 999);
    const made = await ensurePartitions(store.pool, nowMs, 2);
    expect(made.sort()).toEqual(
      ['attempt', 'delivery', 'message', 'message_body', 'request'].flatMap((table) =>
        ['20301230', '20301231', '20310101'].map((day) => `${table}_${day}`),
      ),
    );
    expect(await ensurePartitions(store.pool, nowMs, 2)).toEqual([]);
    expect(await ensurePartitions(store.pool, nowMs + dayMs, 2)).toHaveLength(5);
  });

  it('hold exactly the ids of their day in UTC, and leave no gap', async () => {
    const midnight = Date.UTC(2032, 1, 29);
    await ensurePartitions(store.pool, midnight, 1);
    expect(await partitionOf(midnight - 1)).toBe('message_default');
    expect(await partitionOf(midnight)).toBe('message_20320229');
    expect(await partitionOf(midnight + dayMs - 1)).toBe('message_20320229');
    expect(await partitionOf(midnight + dayMs)).toBe('message_20320301');
    expect(await partitionOf(midnight + 2 * dayMs)).toBe('message_default');
    const [first, second] = [midnight, midnight + dayMs];
    const bounds = new Map((await partitionsOf('attempt')).map((row) => [row.name, row.bounds]));
    expect(bounds.get('attempt_20320229')).toBe(
      `FOR VALUES FROM ('${idFloor('atmpt_', first)}') TO ('${idFloor('atmpt_', second)}')`,
    );
  });

  it('of message, its body and delivery have the same bounds: what belongs together lies together', async () => {
    const bounds = async (table: string) => (await partitionsOf(table)).map((row) => row.bounds);
    expect(await bounds('delivery')).toEqual(await bounds('message'));
    expect(await bounds('message_body')).toEqual(await bounds('message'));
  });

  it('are made once when ten processes start at the same time, and none of them fails', async () => {
    const pool = store.openPool(10);
    const nowMs = Date.UTC(2033, 6, 1);
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, () => ensurePartitions(pool, nowMs, 3)),
    );
    const reasons = results.flatMap((result) =>
      result.status === 'rejected' ? [String(result.reason)] : [],
    );
    expect(reasons).toEqual([]);
    const names = (await partitionsOf('message')).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('message_203307'))).toHaveLength(4);
  });

  it('are made while messages are stored, and neither fails', async () => {
    const nowMs = Date.UTC(2034, 0, 1);
    await ensurePartitions(store.pool, nowMs, 0);
    const insert = async (count: number) => {
      for (let made = 0; made < count; made += 1) await partitionOf(nowMs + made);
    };
    await Promise.all([insert(50), insert(50), ensurePartitions(store.pool, nowMs, 5), insert(50)]);
    expect(await store.count('posthorn.message_20340101')).toBe(150);
  });

  it('a day whose messages lie in the default partition already does not keep the others from being made', async () => {
    // A clock that was ahead, or a machine that slept for longer than partitions were made ahead.
    const nowMs = Date.UTC(2035, 0, 1);
    expect(await partitionOf(nowMs + dayMs)).toBe('message_default');
    await ensurePartitions(store.pool, nowMs, 2);
    expect(await partitionOf(nowMs)).toBe('message_20350101');
    expect(await partitionOf(nowMs + 2 * dayMs)).toBe('message_20350103');
    // That day stays readable and writable, wherever it lies.
    await partitionOf(nowMs + dayMs);
    await ensurePartitions(store.pool, nowMs, 2);
  });
});

describe('idempotency keys', () => {
  it('are forgotten after their time, and not before', async () => {
    await store.pool.query(
      `insert into posthorn.idempotency_key (application_id, key, fingerprint, message_id, created_at)
       values ($1, 'old', '', 'msg_1', now() - interval '61 s'), ($1, 'young', '', 'msg_2', now() - interval '50 s')`,
      [application.id],
    );
    expect(await deleteOldIdempotencyKeys(store.pool, 60_000, pace)).toBe(1);
    expect(await store.count("posthorn.idempotency_key where key = 'young'")).toBe(1);
    expect(await deleteOldIdempotencyKeys(store.pool, 60_000, pace)).toBe(0);
  });
});
