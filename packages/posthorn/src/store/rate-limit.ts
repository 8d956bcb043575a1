// Reserves starts under a rate limit, so that all processes together keep it.
import type pg from 'pg';
import type { Connection } from './partitions.ts';
import { deleteInBatches, type Pace } from './retention.ts';

// Starts are spaced evenly: `next_at` moves on by one interval for each, and never lags behind now. Nor is it far ahead
// of it: a process reserves a second's starts at most, or one, so what lies beyond was written by a clock that was wrong.
const aheadMaxSeconds = 60;
const reserveSql = `
insert into posthorn.rate_limit as r (id, next_at) values ($1, now() + $2::bigint * interval '1 microsecond')
on conflict (id) do update
  set next_at = least(greatest(r.next_at, now()), now() + interval '${aheadMaxSeconds} s') + $2::bigint * interval '1 microsecond'
returning extract(epoch from r.next_at - now()) * 1000 as until_ms`;

/**
 * Reserves `count` starts of `ratePerSecond` for the endpoint or application `id`. Resolves with the milliseconds until
 * the first of them, a minute at most; each further one follows 1/ratePerSecond later.
 */
export async function reserveStarts(
  pool: pg.Pool,
  id: string,
  count: number,
  ratePerSecond: number,
): Promise<number> {
  const spanMs = (count / ratePerSecond) * 1000;
  const { rows } = await pool.query<{ until_ms: string }>({
    name: 'reserve-starts',
    text: reserveSql,
    values: [id, Math.ceil(spanMs * 1000)],
  });
  return Math.max(0, Number(rows[0]?.until_ms ?? 0) - spanMs);
}

/**
 * Deletes the limits that nobody has reserved of for `idleMs`; returns how many. Nothing is forgotten: without a row, too,
 * the first start is free now. Whoever is reserving at this moment keeps the row.
 */
export function deleteIdleLimits(db: Connection, idleMs: number, pace: Pace): Promise<number> {
  return deleteInBatches(pace, async () => {
    // No index on next_at: with one, no reservation could update its row in place.
    const { rowCount } = await db.query(
      `delete from posthorn.rate_limit where ctid = any (array(
         select ctid from posthorn.rate_limit where next_at < now() - $1::bigint * interval '1 ms'
         limit $2 for update skip locked
       ))`,
      [idleMs, pace.rowsMax],
    );
    return rowCount ?? 0;
  });
}
