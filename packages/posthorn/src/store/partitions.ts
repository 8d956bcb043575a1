// The partitions of message, message_body, delivery, attempt and request: one a day, made ahead of time, dropped by age.
import type pg from 'pg';
import { idFloor } from '../lib/ids.ts';
import type { IdPrefix } from '../lib/ids.ts';

export const dayMs = 24 * 60 * 60 * 1000;

/** A pool, or one connection of it. */
export interface Connection {
  query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<pg.QueryResult<R>>;
}

export interface PartitionedTable {
  name: 'message' | 'message_body' | 'delivery' | 'attempt' | 'request';
  /** An open delivery still needs what is in it. */
  isNeededOpen: boolean;
  /** The column that the table is partitioned by, and the kind of id in it. */
  idColumn: 'id' | 'message_id';
  prefix: IdPrefix;
}

export const partitionedTables: readonly PartitionedTable[] = [
  { name: 'message', isNeededOpen: true, idColumn: 'id', prefix: 'msg_' },
  { name: 'message_body', isNeededOpen: true, idColumn: 'message_id', prefix: 'msg_' },
  { name: 'delivery', isNeededOpen: true, idColumn: 'message_id', prefix: 'msg_' },
  { name: 'attempt', isNeededOpen: false, idColumn: 'id', prefix: 'atmpt_' },
  { name: 'request', isNeededOpen: false, idColumn: 'id', prefix: 'req_' },
];

/** A day's partition of `table`; it holds the ids from `startMs` (Unix milliseconds, midnight UTC) for a day. */
export interface Partition {
  table: PartitionedTable;
  name: string;
  startMs: number;
}

// Making and dropping locks the whole table for a moment, and whoever comes after waits behind us while we wait for
// others: so we wait briefly, and come again later.
const lockTimeoutMs = 250;
const lockBriefly = `set local lock_timeout = ${lockTimeoutMs};`;
const lockNotAvailable = '55P03';
// Another process made it a moment ago; or the day has rows in the default partition already, which then keeps the day.
const duplicateTable = '42P07';
const checkViolation = '23514';

const errorCode = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : undefined);

const startOfDay = (timeMs: number) => Math.floor(timeMs / dayMs) * dayMs;

function partitionOf(table: PartitionedTable, startMs: number): Partition {
  const day = new Date(startMs).toISOString().slice(0, 10).replaceAll('-', '');
  return { table, name: `${table.name}_${day}`, startMs };
}

/** The ids of a partition's day: from the first, up to but without the second. */
export function idBounds({ table, startMs }: Partition): [string, string] {
  return [idFloor(table.prefix, startMs), idFloor(table.prefix, startMs + dayMs)];
}

/** All partitions of these tables but the default ones, the oldest first. */
export async function listPartitions(db: Connection): Promise<Partition[]> {
  const { rows } = await db.query<{ parent: string; day: string }>(
    `select p.relname as parent, substring(c.relname from '_(\\d{8})$') as day
     from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
     where p.relnamespace = 'posthorn'::regnamespace and p.relkind = 'p' and c.relname ~ '_\\d{8}$' order by day`,
  );
  const byName = new Map<string, PartitionedTable>(partitionedTables.map((table) => [table.name, table]));
  return rows.flatMap(({ parent, day }) => {
    const table = byName.get(parent);
    const isoDay = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`;
    return table === undefined ? [] : [partitionOf(table, Date.parse(isoDay))];
  });
}

/**
 * Makes the partitions of the day of `nowMs` (Unix milliseconds) and of `daysAhead` days after it, where they are
 * missing; returns their names. What no partition covers goes to the default one: nothing is refused for a clock that
 * is off, and a day that began there stays there. A table that is busy is left for the next time.
 */
export async function ensurePartitions(db: Connection, nowMs: number, daysAhead: number): Promise<string[]> {
  const existing = new Set((await listPartitions(db)).map(({ name }) => name));
  const made: string[] = [];
  for (const table of partitionedTables) {
    for (let day = 0; day <= daysAhead; day += 1) {
      const partition = partitionOf(table, startOfDay(nowMs) + day * dayMs);
      if (existing.has(partition.name)) continue;
      const result = await makePartition(db, partition);
      if (result === 'made') made.push(partition.name);
      if (result === 'busy') break;
    }
  }
  return made;
}

/** `not_needed`: it is there by now, or the default partition has the day. */
async function makePartition(db: Connection, partition: Partition): Promise<'made' | 'busy' | 'not_needed'> {
  const [from, to] = idBounds(partition);
  try {
    await db.query(
      `${lockBriefly}
       create table posthorn.${partition.name} partition of posthorn.${partition.table.name}
       for values from ('${from}') to ('${to}')`,
    );
    return 'made';
  } catch (error) {
    const code = errorCode(error);
    if (code === lockNotAvailable) return 'busy';
    if (code === duplicateTable || code === checkViolation) return 'not_needed';
    throw error;
  }
}

/** `busy`: somebody uses the table for longer than we wait. `kept`: a delivery of that day is still open. */
export type DropResult = 'dropped' | 'busy' | 'kept';

/**
 * A query for open deliveries, with a condition on `delivery`. In parts, each of which has its own small index: one
 * condition on all three states would read the whole table.
 */
export const openDeliveries = (columns: string, condition: string): string => `
  select ${columns} from posthorn.delivery
  where ${condition} and state in ('pending', 'retrying') and order_at is null
  union all
  select ${columns} from posthorn.delivery
  where ${condition} and state in ('pending', 'retrying') and order_at is not null
  union all
  select ${columns} from posthorn.delivery where ${condition} and state = 'delivering'`;

/**
 * Drops a partition with all that is in it, unless it holds what an open delivery still needs. Not detached first:
 * `detach concurrently` is not to be had on a table with a default partition.
 */
export async function dropPartition(db: Connection, partition: Partition): Promise<DropResult> {
  const [from, to] = idBounds(partition);
  const ofDay = `message_id >= '${from}' and message_id < '${to}'`;
  const needed = partition.table.isNeededOpen ? `exists (${openDeliveries('1', ofDay)})` : 'false';
  try {
    // The parent first, as every other statement does. Looked at again under the lock: a resend may have come.
    await db.query(
      `${lockBriefly}
       do $$ begin
         lock table only posthorn.${partition.table.name} in access exclusive mode;
         if not ${needed} then drop table posthorn.${partition.name}; end if;
       end $$`,
    );
  } catch (error) {
    if (errorCode(error) === lockNotAvailable) return 'busy';
    throw error;
  }
  const { rows } = await db.query<{ gone: boolean }>(
    `select to_regclass('posthorn.${partition.name}') is null as gone`,
  );
  return rows[0]?.gone === true ? 'dropped' : 'kept';
}
