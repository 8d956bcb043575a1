// Requests under an idempotency key and what was answered to them.
import type pg from 'pg';
import type { Connection } from './partitions.ts';
import { deleteInBatches, type Pace } from './retention.ts';

/** A key is remembered for this long. */
const rememberedMs = 24 * 60 * 60 * 1000;
// So many are kept for each environment: the youngest.
const keptPerEnvironmentMax = 100_000;

/** Whose key it is. `caller`: 32 bytes that stand for the token. */
export interface RequestKey {
  environmentId: string;
  caller: Uint8Array;
  key: string;
}

export type Begun =
  /** Nobody used the key before. `startedAt` is needed to end it. */
  | { kind: 'begun'; startedAt: string }
  | { kind: 'in_progress' }
  | { kind: 'mismatch' }
  | { kind: 'answered'; status: number; sealed: Buffer };

// A request that has been under way for longer than any can be was cut off with its process: whoever repeats it takes it
// over. `startedAt` tells the two apart, should the first one be alive after all.
const beginSql = `
insert into posthorn.idempotent_request as r (environment_id, caller, key, fingerprint)
values ($1, $2, $3, $4)
on conflict (environment_id, caller, key) do update
  set fingerprint = excluded.fingerprint, started_at = clock_timestamp(), status = null, answer_sealed = null
  where r.started_at < now() - $6::bigint * interval '1 ms'
    or (r.status is null and r.fingerprint = excluded.fingerprint and r.started_at < now() - $5::bigint * interval '1 ms')
returning started_at::text`;

const findSql = `
select fingerprint, status, answer_sealed from posthorn.idempotent_request
where environment_id = $1 and caller = $2 and key = $3`;

/** Begins the request unless its key is taken. `fingerprint` is that of what is asked; `cutOffMs`: how long one can take. */
export async function beginRequest(
  pool: pg.Pool,
  { environmentId, caller, key }: RequestKey,
  { fingerprint, cutOffMs }: { fingerprint: Uint8Array; cutOffMs: number },
): Promise<Begun> {
  const id = [environmentId, caller, key];
  const begun = await pool.query<{ started_at: string }>(beginSql, [
    ...id,
    fingerprint,
    cutOffMs,
    rememberedMs,
  ]);
  if (begun.rows[0]) return { kind: 'begun', startedAt: begun.rows[0].started_at };
  const { rows } = await pool.query<{
    fingerprint: Buffer;
    status: number | null;
    answer_sealed: Buffer | null;
  }>(findSql, id);
  const [row] = rows;
  if (row && !row.fingerprint.equals(fingerprint)) return { kind: 'mismatch' };
  // No row: it ended between the two statements without an answer to keep. Asking again will do.
  if (!row || row.status === null || row.answer_sealed === null) return { kind: 'in_progress' };
  return { kind: 'answered', status: row.status, sealed: row.answer_sealed };
}

/** Ends the request that began at `startedAt`; without an answer it never was. */
export async function endRequest(
  pool: pg.Pool,
  { environmentId, caller, key }: RequestKey,
  startedAt: string,
  answer: { status: number; sealed: Buffer } | undefined,
): Promise<void> {
  const id = [environmentId, caller, key, startedAt];
  const mine = 'environment_id = $1 and caller = $2 and key = $3 and started_at = $4::timestamptz';
  if (answer) {
    const set = 'status = $5, answer_sealed = $6';
    await pool.query(`update posthorn.idempotent_request set ${set} where ${mine}`, [
      ...id,
      answer.status,
      answer.sealed,
    ]);
  } else await pool.query(`delete from posthorn.idempotent_request where ${mine}`, id);
}

/** Deletes requests that are no more remembered, and of an environment that has more than `keptMax`, the oldest; returns how many. */
export async function sweepIdempotentRequests(
  db: Connection,
  pace: Pace,
  keptMax = keptPerEnvironmentMax,
): Promise<number> {
  const old = await deleteInBatches(pace, async () => {
    const { rowCount } = await db.query(
      `delete from posthorn.idempotent_request where ctid = any (array(
         select ctid from posthorn.idempotent_request where started_at < now() - $1::bigint * interval '1 ms'
         order by started_at limit $2
       ))`,
      [rememberedMs, pace.rowsMax],
    );
    return rowCount ?? 0;
  });
  // Counted in the primary key alone, unsorted: 0.1 s for 450,000.
  const { rows } = await db.query<{ id: string; surplus: number }>(
    `select environment_id as id, count(*)::integer - $1 as surplus from posthorn.idempotent_request
     group by environment_id having count(*) > $1`,
    [keptMax],
  );
  let deleted = old;
  for (const { id, surplus } of rows) deleted += await deleteOldestOf(db, id, surplus, pace);
  return deleted;
}

/** Oldest first, by the index of their age; each batch begins where the last one ended, or would read the others' again. */
async function deleteOldestOf(
  db: Connection,
  environmentId: string,
  count: number,
  pace: Pace,
): Promise<number> {
  let from = new Date(0);
  let left = count;
  return deleteInBatches(pace, async () => {
    const { rows } = await db.query<{ count: number; last: Date | null }>(
      `with old as materialized (
         select ctid, started_at from posthorn.idempotent_request
         where environment_id = $1 and started_at >= $2 order by started_at limit $3
       ), gone as (
         delete from posthorn.idempotent_request where ctid = any (array(select ctid from old))
       )
       select count(*)::integer as count, max(started_at) as last from old`,
      [environmentId, from, Math.min(left, pace.rowsMax)],
    );
    from = rows[0]?.last ?? from;
    left -= rows[0]?.count ?? 0;
    return rows[0]?.count ?? 0;
  });
}
