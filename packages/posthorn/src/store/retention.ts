// Deletes by age what lies in partitions that others still need: a few rows at a time, environment by environment.
import type pg from 'pg';
import { idFloor } from '../lib/ids.ts';
import { dayMs, idBounds, listPartitions, openDeliveries, partitionedTables } from './partitions.ts';
import type { Connection, PartitionedTable } from './partitions.ts';

/** What is older than these goes; both are midnights (UTC, Unix milliseconds), so that whole partitions can go. */
export interface Retention {
  environmentId: string;
  messageFloorMs: number;
  attemptFloorMs: number;
  /** The ids that providers gave are known for longer than any of them repeats a request. */
  sourceEventFloorMs: number;
}

/** How much one statement reads of a table, or deletes, and what happens between two; an exception there ends the sweep. */
export interface Pace {
  pagesMax: number;
  rowsMax: number;
  breathe(): Promise<void>;
}

// Any constant of our own: everyone who keeps house on this database takes the same advisory lock.
const lockKey = 7_069_868;
// Large contents lie elsewhere, a few bytes of each on its page: a page of them is as much work as so many others.
const contentPageWeight = 40;
// Of the requests under an idempotency key so many are kept for each environment: the youngest.
const idempotentRequestsMax = 100_000;
/** In the order in which they are emptied: what hangs on a message before the message. */
export const sweptTables: readonly PartitionedTable[] = partitionedTables.toReversed();
// The longest that a provider is known to go on repeating a request.
const providerRepeatsMaxMs = 30 * dayMs;
// An id and the time stored beside it come from two clocks.
const idTimeSlackMs = 60 * 60 * 1000;

/** The result of `work`; undefined without it while another connection, of any process, is at such work. */
export async function withHousekeepingLock<T>(
  pool: pg.Pool,
  work: (db: Connection) => Promise<T>,
): Promise<T | undefined> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
      lockKey,
    ]);
    if (rows[0]?.locked !== true) return undefined;
    try {
      return await work(client);
    } finally {
      // A connection that cannot give it back is closed, and the lock ends with it.
      await client.query('select pg_advisory_unlock($1)', [lockKey]).catch((cause: Error) => {
        broken = cause;
      });
    }
  } finally {
    client.release(broken);
  }
}

/** What each environment keeps at `nowMs` (Unix milliseconds): so many whole days, and today. */
export async function listRetentions(db: Connection, nowMs: number): Promise<Retention[]> {
  const { rows } = await db.query<{ id: string; message_days: number; attempt_days: number }>(
    `select id, message_retention_days as message_days,
       least(attempt_retention_days, message_retention_days) as attempt_days
     from posthorn.environment order by id`,
  );
  const today = Math.floor(nowMs / dayMs) * dayMs;
  return rows.map(({ id, message_days, attempt_days }) => ({
    environmentId: id,
    messageFloorMs: today - message_days * dayMs,
    attemptFloorMs: today - attempt_days * dayMs,
    sourceEventFloorMs: today - Math.max(message_days * dayMs, providerRepeatsMaxMs),
  }));
}

/** Before this, the environment's rows of the table go. */
export function floorOf(retention: Retention, { name }: PartitionedTable): number {
  return name === 'message' || name === 'delivery' ? retention.messageFloorMs : retention.attemptFloorMs;
}

/** How many deliveries of the messages of this day are open. */
export async function countOpenDeliveries(db: Connection, startMs: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `select count(*)::integer as count from (${openDeliveries('1', 'message_id >= $1 and message_id < $2')}) open`,
    [idFloor('msg_', startMs), idFloor('msg_', startMs + dayMs)],
  );
  return rows[0]?.count ?? 0;
}

interface Sweep {
  environmentId: string;
  fromMs: number;
  toMs: number;
}

async function plannedSweep(
  db: Connection,
  { environmentId, subject, toMs }: { environmentId: string; subject: string; toMs: number },
): Promise<Sweep> {
  const { rows } = await db.query<{ swept_until: Date }>(
    'select swept_until from posthorn.retention_sweep where environment_id = $1 and subject = $2',
    [environmentId, subject],
  );
  return { environmentId, fromMs: rows[0]?.swept_until.getTime() ?? 0, toMs };
}

async function recordSweep(db: Connection, { environmentId, toMs }: Sweep, subject: string): Promise<void> {
  await db.query(
    `insert into posthorn.retention_sweep (environment_id, subject, swept_until) values ($1, $2, $3)
     on conflict (environment_id, subject) do update set swept_until = excluded.swept_until`,
    [environmentId, subject, new Date(toMs)],
  );
}

/** The day of the oldest message that has an open delivery; the rows of that day have to be looked at again. */
async function oldestOpenDayMs(db: Connection, { environmentId, toMs }: Sweep): Promise<number> {
  const { rows } = await db.query<{ created_at: Date | null }>(
    `select min(m.created_at) as created_at
     from (${openDeliveries('application_id, message_id', 'message_id < $2')}) open
     join posthorn.application a on a.id = open.application_id and a.environment_id = $1
     join posthorn.message m on m.application_id = open.application_id and m.id = open.message_id`,
    [environmentId, idFloor('msg_', toMs)],
  );
  const createdAt = rows[0]?.created_at?.getTime();
  return createdAt === undefined ? toMs : Math.floor((createdAt - idTimeSlackMs) / dayMs) * dayMs;
}

/**
 * Deletes the environment's rows of one table that are past their time, in what the partitions dropped have left: those
 * that other environments keep, and the default one. Rows that an open delivery needs stay. Returns how many went.
 */
export async function sweepTable(
  db: Connection,
  table: PartitionedTable,
  retention: Retention,
  pace: Pace,
): Promise<number> {
  const { environmentId } = retention;
  const subject = table.name;
  const sweep = await plannedSweep(db, { environmentId, subject, toMs: floorOf(retention, table) });
  const openDayMs = table.isNeededOpen ? await oldestOpenDayMs(db, sweep) : sweep.toMs;
  let deleted = 0;
  for (const leaf of await leavesToSweep(db, table, sweep)) {
    deleted += await sweepLeaf(db, leaf, sweep.environmentId, pace);
  }
  // After a shorter retention a longer one: there is nothing to do until time has caught up.
  const toMs = Math.max(sweep.fromMs, Math.min(sweep.toMs, openDayMs));
  if (toMs !== sweep.fromMs) await recordSweep(db, { ...sweep, toMs }, subject);
  return deleted;
}

/** One table that holds rows, and the condition under which one of them may go. */
interface Leaf {
  name: string;
  condition: string;
}

async function leavesToSweep(db: Connection, table: PartitionedTable, sweep: Sweep): Promise<Leaf[]> {
  const days = (await listPartitions(db)).filter(
    (one) => one.table.name === table.name && one.startMs >= sweep.fromMs && one.startMs < sweep.toMs,
  );
  const leaves = days.map((one): Leaf => {
    const [from, to] = idBounds(one);
    const within = `d.message_id >= '${from}' and d.message_id < '${to}'`;
    return { name: one.name, condition: closedCondition(table, within) };
  });
  // Rows of any age can be in there, from clocks that are off.
  const old = `t.${table.idColumn} < '${idFloor(table.prefix, sweep.toMs)}'`;
  const name = `${table.name}_default`;
  const { rows } = await db.query<{ found: boolean }>(
    `select exists (select from posthorn.${name} t where ${old}) as found`,
  );
  if (rows[0]?.found === true)
    leaves.push({ name, condition: `${old} and ${closedCondition(table, 'true')}` });
  return leaves;
}

function closedCondition({ name, idColumn, isNeededOpen }: PartitionedTable, within: string): string {
  const open = "in ('pending', 'delivering', 'retrying')";
  if (!isNeededOpen) return 'true';
  if (name === 'delivery') return `not t.state ${open}`;
  return `not exists (select from posthorn.delivery d
    where d.application_id = t.application_id and d.message_id = t.${idColumn} and ${within} and d.state ${open})`;
}

// Page by page, in the order in which the rows lie: each is read once, whoever's they are and however many stay.
const deleteSql = ({ name, condition }: Leaf) => `
  delete from posthorn.${name} t using posthorn.application a
  where a.id = t.application_id and a.environment_id = $1
    and t.ctid >= format('(%s,0)', $2::bigint)::tid and t.ctid < format('(%s,0)', $3::bigint)::tid
    and ${condition}`;

async function sweepLeaf(db: Connection, leaf: Leaf, environmentId: string, pace: Pace): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `select (pg_relation_size('posthorn.${leaf.name}') / current_setting('block_size')::integer)::integer as count`,
  );
  const pageCount = rows[0]?.count ?? 0;
  let deleted = 0;
  const pagesMax = leaf.name.startsWith('message_body')
    ? Math.ceil(pace.pagesMax / contentPageWeight)
    : pace.pagesMax;
  for (let page = 0; page < pageCount; page += pagesMax) {
    if (page > 0) await pace.breathe();
    const { rowCount } = await db.query(deleteSql(leaf), [environmentId, page, page + pagesMax]);
    deleted += rowCount ?? 0;
  }
  return deleted;
}

/** Repeats until a batch is not full; returns how many rows went. */
export async function deleteInBatches(pace: Pace, deleteBatch: () => Promise<number>): Promise<number> {
  let deleted = 0;
  for (;;) {
    const count = await deleteBatch();
    deleted += count;
    if (count < pace.rowsMax) return deleted;
    await pace.breathe();
  }
}

/** Forgets the event ids of an environment's messages that are past their time; returns how many. */
export async function sweepEventIds(db: Connection, retention: Retention, pace: Pace): Promise<number> {
  const { environmentId, messageFloorMs, sourceEventFloorMs } = retention;
  const ofSources = { environmentId, subject: 'source_event_id', toMs: sourceEventFloorMs };
  const ofOthers = { environmentId, subject: 'message_event_id', toMs: messageFloorMs };
  const sent = await sweepEventIdsOf(db, { ...ofOthers, isSource: false }, pace);
  return sent + (await sweepEventIdsOf(db, { ...ofSources, isSource: true }, pace));
}

async function sweepEventIdsOf(
  db: Connection,
  planned: { environmentId: string; subject: string; toMs: number; isSource: boolean },
  pace: Pace,
): Promise<number> {
  const { environmentId, subject, toMs, isSource } = planned;
  const sweep = await plannedSweep(db, planned);
  // Each batch begins where the last one ended: the rows of others in between are read once.
  let from = new Date(sweep.fromMs);
  const deleted = await deleteInBatches(pace, async () => {
    const { rows } = await db.query<{ count: number; last: Date | null }>(
      `with old as materialized (
         select e.ctid, e.created_at from posthorn.message_event_id e
         join posthorn.application a on a.id = e.application_id
         where a.environment_id = $1 and a.source = $5 and e.created_at >= $2 and e.created_at < $3
         order by e.created_at limit $4
       ), gone as (
         delete from posthorn.message_event_id where ctid = any (array(select ctid from old))
       )
       select count(*)::integer as count, max(created_at) as last from old`,
      [environmentId, from, new Date(toMs), pace.rowsMax, isSource],
    );
    from = rows[0]?.last ?? from;
    return rows[0]?.count ?? 0;
  });
  if (toMs > sweep.fromMs) await recordSweep(db, sweep, subject);
  return deleted;
}

/** Takes an environment's messages that are past their time out of the feeds; returns how many. */
export function sweepFeeds(db: Connection, retention: Retention, pace: Pace): Promise<number> {
  return deleteInBatches(pace, async () => {
    const { rowCount } = await db.query(
      `delete from posthorn.message_feed where ctid = any (array(
         select f.ctid from posthorn.application_feed af
         join posthorn.application a on a.id = af.application_id and a.environment_id = $1
         cross join lateral (
           select ctid from posthorn.message_feed
           where application_id = af.application_id and place < $2::bigint limit $3
         ) f limit $3
       ))`,
      [retention.environmentId, retention.messageFloorMs * 1_000, pace.rowsMax],
    );
    return rowCount ?? 0;
  });
}

/** Forgets what was the newest of keys that nothing was delivered for since; returns how many. */
export function sweepKeys(db: Connection, retention: Retention, pace: Pace): Promise<number> {
  return deleteInBatches(pace, async () => {
    const { rowCount } = await db.query(
      `delete from posthorn.endpoint_key where ctid = any (array(
         select k.ctid from posthorn.endpoint_key k
         join posthorn.application a on a.id = k.application_id and a.environment_id = $1
         where k.newest_at is not null and k.due_at is null and k.updated_at < $2
         limit $3 for update of k skip locked
       ))`,
      [retention.environmentId, new Date(retention.messageFloorMs), pace.rowsMax],
    );
    return rowCount ?? 0;
  });
}

/** Deletes idempotency keys older than `ageMs`; returns how many. */
export function deleteOldIdempotencyKeys(db: Connection, ageMs: number, pace: Pace): Promise<number> {
  return deleteInBatches(pace, async () => {
    const { rowCount } = await db.query(
      `delete from posthorn.idempotency_key where ctid = any (array(
         select ctid from posthorn.idempotency_key where created_at < now() - $1::bigint * interval '1 ms'
         order by created_at limit $2
       ))`,
      [ageMs, pace.rowsMax],
    );
    return rowCount ?? 0;
  });
}

/** Deletes requests under an idempotency key older than `ageMs`, and beyond what an environment may have; returns how many. */
export async function deleteOldIdempotentRequests(
  db: Connection,
  ageMs: number,
  pace: Pace,
): Promise<number> {
  const old = await deleteInBatches(pace, async () => {
    const { rowCount } = await db.query(
      `delete from posthorn.idempotent_request where ctid = any (array(
         select ctid from posthorn.idempotent_request where started_at < now() - $1::bigint * interval '1 ms'
         order by started_at limit $2
       ))`,
      [ageMs, pace.rowsMax],
    );
    return rowCount ?? 0;
  });
  const tooMany = await deleteInBatches(pace, async () => {
    const { rowCount } = await db.query(
      `delete from posthorn.idempotent_request where ctid = any (array(
         select ctid from (
           select ctid, row_number() over (partition by environment_id order by started_at desc) as place
           from posthorn.idempotent_request
         ) r where r.place > $1 limit $2
       ))`,
      [idempotentRequestsMax, pace.rowsMax],
    );
    return rowCount ?? 0;
  });
  return old + tooMany;
}
