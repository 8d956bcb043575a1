// What a source's provider says it delivered, next to what came in: how far it was judged, and what was missing.
import { sql } from 'kysely';
import type { Selectable } from 'kysely';
import type pg from 'pg';
import type { Queries } from './database.ts';
import { inPage } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { Connection } from './partitions.ts';
import { deleteInBatches } from './retention.ts';
import type { Pace } from './retention.ts';
import type {
  MissingState,
  ReconcileMissingTable,
  ReconcileState,
  ReconcileTable,
} from './reconcile-tables.ts';
import { inTransaction } from './transaction.ts';

export type ReconcileRow = Selectable<ReconcileTable>;
export type MissingRow = Selectable<ReconcileMissingTable>;
type Settings = Pick<
  ReconcileRow,
  'source_id' | 'kind' | 'hook_url' | 'token_sealed' | 'app_id' | 'every_minutes' | 'missing'
>;

/** Who a reconciler's sealed token belongs to (store/secret-box.ts). */
export function reconcileOwner(sourceId: string): string {
  return `source:${sourceId}:reconcile`;
}

export async function findReconcile(queries: Queries, sourceId: string): Promise<ReconcileRow | undefined> {
  return queries.selectFrom('reconcile').selectAll().where('source_id', '=', sourceId).executeTakeFirst();
}

/** Of another hook everything is judged anew, from `judgedFrom`. The source's application must be locked. */
export async function putReconcile(
  transaction: Queries,
  settings: Settings,
  judgedFrom: Date,
): Promise<ReconcileRow> {
  const anew = { judged_until: judgedFrom, walk_from: null, walk_cursor: null };
  return transaction
    .insertInto('reconcile')
    .values({ ...settings, ...anew })
    .onConflict((conflict) =>
      conflict.column('source_id').doUpdateSet((row) => ({
        ...settings,
        judged_until: sql<Date>`case when ${row.ref('reconcile.hook_url')} = ${settings.hook_url}
          then ${row.ref('reconcile.judged_until')} else ${judgedFrom} end`,
        walk_from: null,
        walk_cursor: null,
        next_at: sql<Date>`now()`,
        claimed_until: null,
        // Whoever is at it works by settings that are no more.
        claim_seq: sql<string>`${row.ref('reconcile.claim_seq')} + 1`,
        state: 'waiting' as const,
        problem: null,
        updated_at: sql<Date>`now()`,
      })),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** What was found missing stays to be seen. */
export async function deleteReconcile(transaction: Queries, sourceId: string): Promise<boolean> {
  const { numDeletedRows } = await transaction
    .deleteFrom('reconcile')
    .where('source_id', '=', sourceId)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** As soon as nobody is at it. False when there is none. */
export async function reconcileNow(queries: Queries, sourceId: string): Promise<boolean> {
  const { numUpdatedRows } = await queries
    .updateTable('reconcile')
    .set({ next_at: sql<Date>`now()` })
    .where('source_id', '=', sourceId)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** A reconciler that is due, for whoever calls and nobody else for `forMs`. */
export interface ClaimedReconcile extends ReconcileRow {
  environment_id: string;
  /** The time of the database when it was claimed. */
  now: Date;
}

export async function claimReconcile(pool: pg.Pool, forMs: number): Promise<ClaimedReconcile | undefined> {
  const { rows } = await pool.query<ClaimedReconcile>({
    name: 'claim-reconcile',
    text: `
update posthorn.reconcile r
set claimed_until = now() + $1::bigint * interval '1 ms', claim_seq = r.claim_seq + 1, ran_at = now()
from posthorn.source s
where s.id = r.source_id and r.source_id = (
  select c.source_id from posthorn.reconcile c join posthorn.source d on d.id = c.source_id and d.deleted_at is null
  where c.next_at <= now() and (c.claimed_until is null or c.claimed_until <= now())
  order by c.next_at limit 1 for update of c skip locked
)
returning r.*, s.environment_id, now() as now`,
    values: [forMs],
  });
  return rows[0];
}

/** What only the one who claimed it may write. */
interface Claim {
  sourceId: string;
  seq: string;
}

const claimed = 'source_id = $1 and claim_seq = $2::bigint';

/** Where a walk through the deliveries is after a page. */
export interface Walk {
  judgedUntil: Date;
  from: Date | null;
  cursor: string | null;
}

export interface FoundMissing {
  eventId: string;
  deliveryId: string;
  eventType: string;
  deliveredAt: Date;
  status: number;
}

/** Which of these events of a source are here. */
export async function knownEvents(
  pool: pg.Pool,
  sourceId: string,
  eventIds: readonly string[],
): Promise<Set<string>> {
  const { rows } = await pool.query<{ event_id: string }>({
    name: 'known-events',
    text: `select event_id from posthorn.message_event_id where application_id = $1 and event_id = any($2::text[])`,
    values: [sourceId, eventIds],
  });
  return new Set(rows.map(({ event_id }) => event_id));
}

/** What a page came to, and that it was judged, in one transaction. False when somebody else has it by now. */
export async function recordPage(
  pool: pg.Pool,
  { sourceId, seq }: Claim,
  page: { walk: Walk; judged: number; missing: readonly FoundMissing[] },
): Promise<boolean> {
  const { walk, judged, missing } = page;
  return inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `update posthorn.reconcile set judged_until = $3, walk_from = $4, walk_cursor = $5,
         judged_count = judged_count + $6, updated_at = now() where ${claimed}`,
      [sourceId, seq, walk.judgedUntil, walk.from, walk.cursor, judged],
    );
    if (rowCount !== 1) return false;
    const { rowCount: found } = await client.query(
      `insert into posthorn.reconcile_missing (source_id, event_id, delivery_id, event_type, delivered_at, status)
       select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::integer[])
       on conflict do nothing`,
      [
        sourceId,
        missing.map(({ eventId }) => eventId),
        missing.map(({ deliveryId }) => deliveryId),
        missing.map(({ eventType }) => eventType),
        missing.map(({ deliveredAt }) => deliveredAt),
        missing.map(({ status }) => status),
      ],
    );
    await client.query(
      'update posthorn.reconcile set missing_count = missing_count + $2 where source_id = $1',
      [sourceId, found ?? 0],
    );
    return true;
  });
}

/** What is still to be had, the oldest first. */
export async function nextOpenMissing(
  pool: pg.Pool,
  sourceId: string,
  rowsMax: number,
): Promise<MissingRow[]> {
  const { rows } = await pool.query<MissingRow>({
    name: 'next-open-missing',
    text: `select * from posthorn.reconcile_missing
      where source_id = $1 and state in ('found', 'asked') and try_at <= now() order by try_at, event_id limit $2`,
    values: [sourceId, rowsMax],
  });
  return rows;
}

interface MissingChange {
  state: MissingState;
  tries: number;
  detail: string | null;
  /** When it is looked at again. */
  againInMs?: number;
}

export async function updateMissing(
  pool: pg.Pool,
  { source_id, event_id }: MissingRow,
  { state, tries, detail, againInMs = 0 }: MissingChange,
): Promise<void> {
  await pool.query({
    name: 'update-missing',
    text: `update posthorn.reconcile_missing set state = $3, tries = $4, detail = $5,
      try_at = now() + $6::bigint * interval '1 ms', updated_at = now() where source_id = $1 and event_id = $2`,
    values: [source_id, event_id, state, tries, detail, againInMs],
  });
}

/** Ends the claim: what the run came to, and when the next one is due. */
export async function releaseReconcile(
  pool: pg.Pool,
  { sourceId, seq }: Claim,
  { state, problem, inMs }: { state: ReconcileState; problem: string | null; inMs: number },
): Promise<void> {
  await pool.query({
    name: 'release-reconcile',
    text: `update posthorn.reconcile set state = $3, problem = $4, claimed_until = null,
      next_at = now() + $5::bigint * interval '1 ms', updated_at = now() where ${claimed}`,
    values: [sourceId, seq, state, problem, inMs],
  });
}

/** Milliseconds until the next one is due; undefined when there is none. */
export async function nextReconcileInMs(pool: pg.Pool): Promise<number | undefined> {
  const { rows } = await pool.query<{ ms: number | null }>({
    name: 'next-reconcile',
    text: `select (extract(epoch from min(greatest(r.next_at, r.claimed_until)) - now()) * 1000)::float8 as ms
      from posthorn.reconcile r join posthorn.source s on s.id = r.source_id and s.deleted_at is null`,
  });
  return rows[0]?.ms ?? undefined;
}

export async function listMissing(
  queries: Queries,
  sourceId: string,
  { state }: { state: MissingState | undefined },
  keyset: Keyset,
): Promise<MissingRow[]> {
  let query = queries.selectFrom('reconcile_missing').selectAll().where('source_id', '=', sourceId);
  if (state !== undefined) query = query.where('state', '=', state);
  return inPage(query, 'event_id', keyset).execute();
}

/** Forgets what was found missing more than `ageMs` ago; returns how many. */
export function deleteOldMissing(db: Connection, ageMs: number, pace: Pace): Promise<number> {
  return deleteInBatches(pace, async () => {
    const { rowCount } = await db.query(
      `delete from posthorn.reconcile_missing where ctid = any (array(
         select ctid from posthorn.reconcile_missing where found_at < now() - $1::bigint * interval '1 ms'
         order by found_at limit $2
       ))`,
      [ageMs, pace.rowsMax],
    );
    return rowCount ?? 0;
  });
}
