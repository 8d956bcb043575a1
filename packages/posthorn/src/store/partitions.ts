// The partitions of message, delivery and attempt: one a day, made ahead of time.
import type pg from 'pg';
import { idFloor } from '../lib/ids.ts';

export const dayMs = 24 * 60 * 60 * 1000;

const tables = [
  { name: 'message', prefix: 'msg_' },
  { name: 'delivery', prefix: 'msg_' },
  { name: 'attempt', prefix: 'atmpt_' },
] as const;

const dayName = (timeMs: number) => new Date(timeMs).toISOString().slice(0, 10).replaceAll('-', '');

/**
 * Makes the partitions of the day of `nowMs` (Unix milliseconds) and of `daysAhead` days after it, where they are
 * missing. What no partition covers goes to the default one: nothing is refused for a clock that is off.
 */
export async function ensurePartitions(pool: pg.Pool, nowMs: number, daysAhead: number): Promise<string[]> {
  const { rows } = await pool.query<{ relname: string }>(
    "select relname from pg_class where relnamespace = 'posthorn'::regnamespace and relispartition",
  );
  const existing = new Set(rows.map((row) => row.relname));
  const today = Math.floor(nowMs / dayMs) * dayMs;
  const made: string[] = [];
  for (let day = 0; day <= daysAhead; day += 1) {
    const start = today + day * dayMs;
    for (const { name, prefix } of tables) {
      const partition = `${name}_${dayName(start)}`;
      if (existing.has(partition)) continue;
      await pool.query(
        `create table if not exists posthorn.${partition} partition of posthorn.${name}
         for values from ('${idFloor(prefix, start)}') to ('${idFloor(prefix, start + dayMs)}')`,
      );
      made.push(partition);
    }
  }
  return made;
}

/** Deletes idempotency keys older than `ageMs`; returns how many. */
export async function deleteOldIdempotencyKeys(pool: pg.Pool, ageMs: number): Promise<number> {
  const { rowCount } = await pool.query(
    "delete from posthorn.idempotency_key where created_at < now() - $1::bigint * interval '1 ms'",
    [ageMs],
  );
  return rowCount ?? 0;
}
