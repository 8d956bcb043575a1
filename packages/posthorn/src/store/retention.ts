// Deletes by age what lies in partitions that others still need: a few rows at a time, for all environments at once.
import type pg from 'pg';
import { idFloor } from '../lib/ids.ts';
import { isConnectionLost } from './availability.ts';
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
/** In the order in which they are emptied: what hangs on a message before the message. */
export const sweptTables: readonly PartitionedTable[] = partitionedTables.toReversed();
// The longest that a provider is known to go on repeating a request.
const providerRepeatsMaxMs = 30 * dayMs;
// An id and the time stored beside it come from two clocks.
const idTimeSlackMs = 60 * 60 * 1000;

// Whoever freezes with the lock loses it with its session. Of nobody else's: an idle connection of the pool is welcome.
const silentMaxMs = 60_000;
// One statement each: the limit comes and goes with the lock.
const lockSql = `
  with attempt as materialized (select pg_try_advisory_lock($1) as locked)
  select locked, case when locked then set_config('idle_session_timeout', '${silentMaxMs}', false) end from attempt`;
const unlockSql = `select pg_advisory_unlock($1), set_config('idle_session_timeout', null, false)`;

/** The result of `work`; undefined without it while another connection, of any process, is at such work. */
export async function withHousekeepingLock<T>(
  pool: pg.Pool,
  work: (db: Connection) => Promise<T>,
): Promise<T | undefined> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const isBroken = (cause: Error) => {
    broken = cause;
  };
  try {
    const { rows } = await client.query<{ locked: boolean }>(lockSql, [lockKey]).catch((cause: Error) => {
      // It may have it all the same, and would keep it for as long as the pool keeps the connection.
      isBroken(cause);
      throw cause;
    });
    if (rows[0]?.locked !== true) return undefined;
    try {
      return await work(client);
    } catch (error) {
      // A connection that is lost is not asked for the lock: it is closed, and the lock ends with it.
      if (isConnectionLost(error)) isBroken(error as Error);
      throw error;
    } finally {
      if (!broken) await client.query(unlockSql, [lockKey]).catch(isBroken);
    }
  } finally {
    client.release(broken);
  }
}

/** Unix milliseconds, by the clock of the database: one that is ahead on some machine must not end what others keep. */
export async function databaseNowMs(db: Connection): Promise<number> {
  const { rows } = await db.query<{ ms: string }>(
    'select floor(extract(epoch from clock_timestamp()) * 1000) as ms',
  );
  const ms = Number(rows[0]?.ms);
  if (!Number.isFinite(ms)) throw new Error('the database told no time');
  return ms;
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

/** An environment's rows of these days: what is older went before, what is younger is kept. */
interface Sweep {
  environmentId: string;
  fromMs: number;
  toMs: number;
}

type Planned = Pick<Sweep, 'environmentId' | 'toMs'>;

async function plannedSweeps(db: Connection, subject: string, planned: readonly Planned[]): Promise<Sweep[]> {
  const { rows } = await db.query<{ environment_id: string; swept_until: Date }>(
    'select environment_id, swept_until from posthorn.retention_sweep where subject = $1',
    [subject],
  );
  const sweptUntil = new Map(rows.map((row) => [row.environment_id, row.swept_until.getTime()]));
  return planned.map(({ environmentId, toMs }) => ({
    environmentId,
    fromMs: sweptUntil.get(environmentId) ?? 0,
    toMs,
  }));
}

async function recordSweeps(db: Connection, subject: string, sweeps: readonly Planned[]): Promise<void> {
  if (sweeps.length === 0) return;
  await db.query(
    `insert into posthorn.retention_sweep (environment_id, subject, swept_until)
     select i.environment_id, $1, i.swept_until from unnest($2::text[], $3::timestamptz[]) i (environment_id, swept_until)
     on conflict (environment_id, subject) do update set swept_until = excluded.swept_until`,
    [subject, sweeps.map(({ environmentId }) => environmentId), sweeps.map(({ toMs }) => new Date(toMs))],
  );
}

const openDayMs = (createdAt: Date) => Math.floor((createdAt.getTime() - idTimeSlackMs) / dayMs) * dayMs;

/** The day of each environment's oldest message that has an open delivery; the rows of that day have to be looked at again. */
async function oldestOpenDaysMs(db: Connection, sweeps: readonly Sweep[]): Promise<Map<string, number>> {
  const { rows } = await db.query<{ environment_id: string; created_at: Date }>(
    `select a.environment_id, min(m.created_at) as created_at
     from (${openDeliveries('application_id, message_id', 'message_id < $1')}) open
     join posthorn.application a on a.id = open.application_id
     join posthorn.message m on m.application_id = open.application_id and m.id = open.message_id
     group by a.environment_id`,
    [idFloor('msg_', Math.max(...sweeps.map(({ toMs }) => toMs)))],
  );
  return new Map(rows.map((row) => [row.environment_id, openDayMs(row.created_at)]));
}

/**
 * Deletes the environments' rows of one table that are past their time, in what the partitions dropped have left: those
 * that other environments keep, and the default one. Each page is read once, for all of them together. Rows that an open
 * delivery needs stay. Returns how many went.
 */
export async function sweepTable(
  db: Connection,
  table: PartitionedTable,
  retentions: readonly Retention[],
  pace: Pace,
): Promise<number> {
  if (retentions.length === 0) return 0;
  const planned = retentions.map((retention) => ({
    environmentId: retention.environmentId,
    toMs: floorOf(retention, table),
  }));
  const sweeps = await plannedSweeps(db, table.name, planned);
  const openDays = table.isNeededOpen ? await oldestOpenDaysMs(db, sweeps) : new Map<string, number>();
  let deleted = 0;
  for (const leaf of await leavesToSweep(db, table, sweeps)) deleted += await sweepLeaf(db, leaf, pace);
  const swept = sweeps.map(({ environmentId, fromMs, toMs }) => ({
    environmentId,
    fromMs,
    // After a shorter retention a longer one: there is nothing to do until time has caught up.
    toMs: Math.max(fromMs, Math.min(toMs, openDays.get(environmentId) ?? toMs)),
  }));
  await recordSweeps(
    db,
    table.name,
    swept.filter(({ fromMs, toMs }) => toMs !== fromMs),
  );
  return deleted;
}

/** One table that holds rows; of which environments they go, up to which ids, and under which condition besides. */
interface Leaf {
  name: string;
  idColumn: string;
  environmentIds: string[];
  idFloors: string[];
  condition: string;
}

async function leavesToSweep(
  db: Connection,
  table: PartitionedTable,
  sweeps: readonly Sweep[],
): Promise<Leaf[]> {
  const { idColumn, prefix } = table;
  const leafOf = (name: string, within: string, of: readonly Sweep[]): Leaf => ({
    name,
    idColumn,
    environmentIds: of.map(({ environmentId }) => environmentId),
    idFloors: of.map(({ toMs }) => idFloor(prefix, toMs)),
    condition: closedCondition(table, within),
  });
  const days = (await listPartitions(db)).filter((one) => one.table.name === table.name);
  const leaves = days.flatMap((one): Leaf[] => {
    const of = sweeps.filter(({ fromMs, toMs }) => one.startMs >= fromMs && one.startMs < toMs);
    const [from, to] = idBounds(one);
    const within = `d.message_id >= '${from}' and d.message_id < '${to}'`;
    return of.length === 0 ? [] : [leafOf(one.name, within, of)];
  });
  // Rows of any age can be in there, from clocks that are off.
  const name = `${table.name}_default`;
  const { rows } = await db.query<{ found: boolean }>(
    `select exists (select from posthorn.${name} t where t.${idColumn} < $1) as found`,
    [idFloor(prefix, Math.max(...sweeps.map(({ toMs }) => toMs)))],
  );
  if (rows[0]?.found === true) leaves.push(leafOf(name, 'true', sweeps));
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
const deleteSql = ({ name, idColumn, condition }: Leaf) => `
  delete from posthorn.${name} t using posthorn.application a,
    unnest($1::text[], $2::text[]) as f (environment_id, id_floor)
  where a.id = t.application_id and f.environment_id = a.environment_id and t.${idColumn} < f.id_floor collate "C"
    and t.ctid >= format('(%s,0)', $3::bigint)::tid and t.ctid < format('(%s,0)', $4::bigint)::tid
    and ${condition}`;

async function sweepLeaf(db: Connection, leaf: Leaf, pace: Pace): Promise<number> {
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
    const range = [page, page + pagesMax];
    const { rowCount } = await db.query(deleteSql(leaf), [leaf.environmentIds, leaf.idFloors, ...range]);
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

/** Forgets the event ids of the environments' messages that are past their time; returns how many. */
export async function sweepEventIds(
  db: Connection,
  retentions: readonly Retention[],
  pace: Pace,
): Promise<number> {
  const plannedTo = (floor: (retention: Retention) => number) =>
    retentions.map((retention) => ({ environmentId: retention.environmentId, toMs: floor(retention) }));
  const ofSources = plannedTo(({ sourceEventFloorMs }) => sourceEventFloorMs);
  const ofOthers = plannedTo(({ messageFloorMs }) => messageFloorMs);
  const sent = await sweepEventIdsOf(
    db,
    { subject: 'message_event_id', planned: ofOthers, isSource: false },
    pace,
  );
  return (
    sent +
    (await sweepEventIdsOf(db, { subject: 'source_event_id', planned: ofSources, isSource: true }, pace))
  );
}

async function sweepEventIdsOf(
  db: Connection,
  { subject, planned, isSource }: { subject: string; planned: readonly Planned[]; isSource: boolean },
  pace: Pace,
): Promise<number> {
  const sweeps = (await plannedSweeps(db, subject, planned)).filter(({ fromMs, toMs }) => toMs > fromMs);
  let deleted = 0;
  // Those that begin and end at the same times go together: nearly always that is all of them, and a day.
  for (const group of groupedBy(sweeps, ({ fromMs, toMs }) => `${fromMs} ${toMs}`)) {
    deleted += await sweepEventIdsOfGroup(db, group, isSource, pace);
    await recordSweeps(db, subject, group);
  }
  return deleted;
}

function groupedBy<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return [...groups.values()];
}

function sweepEventIdsOfGroup(
  db: Connection,
  group: readonly Sweep[],
  isSource: boolean,
  pace: Pace,
): Promise<number> {
  const [first] = group;
  const environmentIds = group.map(({ environmentId }) => environmentId);
  // Each batch begins where the last one ended: the rows of others in between are read once.
  let from = new Date(first?.fromMs ?? 0);
  return deleteInBatches(pace, async () => {
    const { rows } = await db.query<{ count: number; last: Date | null }>(
      `with old as materialized (
         select e.ctid, e.created_at from posthorn.message_event_id e
         join posthorn.application a on a.id = e.application_id
         where a.environment_id = any ($1::text[]) and a.source = $5 and e.created_at >= $2 and e.created_at < $3
         order by e.created_at limit $4
       ), gone as (
         delete from posthorn.message_event_id where ctid = any (array(select ctid from old))
       )
       select count(*)::integer as count, max(created_at) as last from old`,
      [environmentIds, from, new Date(first?.toMs ?? 0), pace.rowsMax, isSource],
    );
    from = rows[0]?.last ?? from;
    return rows[0]?.count ?? 0;
  });
}

/** Takes the environments' messages that are past their time out of the feeds; returns how many. */
export function sweepFeeds(db: Connection, retentions: readonly Retention[], pace: Pace): Promise<number> {
  return deleteInBatches(pace, async () => {
    const { rowCount } = await db.query(
      `delete from posthorn.message_feed where ctid = any (array(
         select f.ctid from posthorn.application_feed af
         join posthorn.application a on a.id = af.application_id
         join unnest($1::text[], $2::bigint[]) as i (environment_id, floor) on i.environment_id = a.environment_id
         cross join lateral (
           select ctid from posthorn.message_feed
           where application_id = af.application_id and place < i.floor limit $3
         ) f limit $3
       ))`,
      [
        retentions.map(({ environmentId }) => environmentId),
        retentions.map(({ messageFloorMs }) => messageFloorMs * 1_000),
        pace.rowsMax,
      ],
    );
    return rowCount ?? 0;
  });
}
