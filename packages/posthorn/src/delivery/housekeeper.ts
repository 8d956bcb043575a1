// Slow upkeep: partitions made ahead, what is past its time deleted.
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Clock } from '../lib/clock.ts';
import { createLoop, type Loop } from '../lib/loop.ts';
import type { Log } from '../lib/log.ts';
import { deleteEndedApplicationTokens } from '../store/application-tokens.ts';
import { sweepAuditLog } from '../store/audit-log.ts';
import { isConnectionLost } from '../store/availability.ts';
import { deleteEndedTasks } from '../store/background-tasks.ts';
import { dayMs, dropPartition, ensurePartitions, listPartitions } from '../store/partitions.ts';
import { sweepIssues } from '../store/issue-sightings.ts';
import { deleteOldIdempotencyKeys } from '../store/idempotency-keys.ts';
import { sweepIdempotentRequests } from '../store/idempotent-requests.ts';
import type { Connection, DropResult, Partition, PartitionedTable } from '../store/partitions.ts';
import { deleteIdleLimits } from '../store/rate-limit.ts';
import { deleteOldMissing } from '../store/reconcile.ts';
import {
  countOpenDeliveries,
  databaseNowMs,
  deleteInBatches,
  floorOf,
  listRetentions,
  sweepEventIds,
  sweepFeeds,
  sweepTable,
  sweptTables,
  withHousekeepingLock,
} from '../store/retention.ts';
import type { Pace, Retention } from '../store/retention.ts';
import { sweepKeys } from '../store/sweep-keys.ts';

const everyMs = 60 * 60 * 1000;
const errorDelayMs = 30_000;
const partitionDaysAhead = 7;
/** An idempotency key is remembered for this long. */
const idempotencyKeyMs = dayMs;
/** A background task is shown for this long after its end. */
const endedTaskMs = 90 * dayMs;
/** Ended application tokens can be looked up for this long, by whoever asks why one was refused. */
const endedTokenMs = 30 * dayMs;
/** What a source was found to miss is shown for this long. */
const foundMissingMs = 30 * dayMs;
/** A rate limit that is in use is not to come and go. */
const idleLimitMs = 60 * 60 * 1000;
/** One statement deletes this much, a few ten milliseconds' work; then the others have their turn. */
const rowsPerStatementMax = 5_000;
const pagesPerStatementMax = 200;
const betweenStatementsMs = 50;
/** What is dropped for its age does not come back: two clocks must agree roughly on what the time is. */
const clocksApartMaxMs = dayMs;

export interface Housekeeper extends Loop {
  /** What a process needs before it accepts: the partitions. */
  prepare(): Promise<void>;
  /** All of it, unless another process is at it; resolves with the milliseconds until the next time. */
  runOnce(): Promise<number>;
}

export interface HousekeeperDeps {
  pool: pg.Pool;
  log: Log;
  clock: Pick<Clock, 'now'>;
  /** Unix milliseconds; the time of the database unless given. */
  now?(db: Connection): Promise<number>;
}

interface Step {
  name: string;
  run(): Promise<unknown>;
}

export function createHousekeeper(deps: HousekeeperDeps): Housekeeper {
  const { pool, log, clock, now = databaseNowMs } = deps;
  const stopping = new AbortController();
  const pace: Pace = {
    pagesMax: pagesPerStatementMax,
    rowsMax: rowsPerStatementMax,
    breathe: () => pause(betweenStatementsMs, undefined, { signal: stopping.signal }),
  };

  const keepHouse = async (db: Connection) => {
    const nowMs = await now(db);
    const apartMs = Math.round(nowMs - clock.now());
    if (Math.abs(apartMs) > clocksApartMaxMs) {
      log.error(
        { apartMs },
        'nothing is deleted by age: the clocks of PostgreSQL and of this machine differ',
      );
      return makePartitions(db, nowMs, log);
    }
    const retentions = await listRetentions(db, nowMs);
    const errors: unknown[] = [];
    // One that fails, again and again, must not keep the others from being done.
    for (const { name, run } of stepsOf(db, { nowMs, retentions, pace, log })) {
      try {
        await run();
      } catch (error) {
        if (stopping.signal.aborted || isConnectionLost(error)) throw error;
        log.error({ err: error, step: name }, 'a part of the upkeep failed; the others go on');
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  };

  const runOnce = async () => {
    try {
      await withHousekeepingLock(pool, keepHouse);
    } catch (error) {
      // Stopped between two statements; the next run goes on where this one was.
      if (!stopping.signal.aborted) throw error;
    }
    return everyMs;
  };

  const loop = createLoop({ name: 'housekeeper', runOnce, errorDelayMs, log });
  const stop = () => {
    stopping.abort();
    return loop.stop();
  };
  const prepare = async () => makePartitions(pool, await now(pool), log);
  return { ...loop, stop, prepare, runOnce };
}

interface Upkeep {
  nowMs: number;
  retentions: readonly Retention[];
  pace: Pace;
  log: Log;
}

function stepsOf(db: Connection, { nowMs, retentions, pace, log }: Upkeep): Step[] {
  const deleted = async (table: string, rows: Promise<number>) => {
    const count = await rows;
    if (count > 0) log.info({ table, count }, 'rows past their time deleted');
  };
  return [
    { name: 'partitions', run: () => makePartitions(db, nowMs, log) },
    { name: 'idempotency keys', run: () => deleteOldIdempotencyKeys(db, idempotencyKeyMs, pace) },
    { name: 'idempotent requests', run: () => sweepIdempotentRequests(db, pace) },
    {
      name: 'tasks',
      run: () => deleteInBatches(pace, () => deleteEndedTasks(db, endedTaskMs, pace.rowsMax)),
    },
    { name: 'application tokens', run: () => deleteEndedApplicationTokens(db, endedTokenMs, pace) },
    { name: 'audit log', run: () => sweepAuditLog(db, nowMs, pace) },
    { name: 'rate limits', run: () => deleteIdleLimits(db, idleLimitMs, pace) },
    { name: 'issues', run: () => sweepIssues(db, pace) },
    { name: 'missing requests', run: () => deleteOldMissing(db, foundMissingMs, pace) },
    ...sweptTables.map((table) => ({
      name: `partitions of ${table.name}`,
      run: () => dropExpiredPartitions(db, table, retentions, log),
    })),
    ...sweptTables.map((table) => ({
      name: table.name,
      run: () => deleted(table.name, sweepTable(db, table, retentions, pace)),
    })),
    { name: 'event ids', run: () => deleted('message_event_id', sweepEventIds(db, retentions, pace)) },
    { name: 'feeds', run: () => deleted('message_feed', sweepFeeds(db, retentions, pace)) },
    { name: 'keys', run: () => deleted('endpoint_key', sweepKeys(db, retentions, pace)) },
  ];
}

async function makePartitions(db: Connection, nowMs: number, log: Log): Promise<void> {
  const made = await ensurePartitions(db, nowMs, partitionDaysAhead);
  if (made.length > 0) log.debug({ partitions: made }, 'partitions made');
}

/** Drops what no environment keeps any more. */
async function dropExpiredPartitions(
  db: Connection,
  table: PartitionedTable,
  retentions: readonly Retention[],
  log: Log,
): Promise<void> {
  if (retentions.length === 0) return;
  const floorMs = Math.min(...retentions.map((retention) => floorOf(retention, table)));
  const partitions = await listPartitions(db);
  const expired = partitions.filter((one) => one.table === table && one.startMs + dayMs <= floorMs);
  for (const partition of expired) {
    // Each try holds up whoever wants the table: one in vain is enough for now.
    if ((await dropExpired(db, partition, log)) === 'busy') break;
  }
}

async function dropExpired(db: Connection, partition: Partition, log: Log): Promise<DropResult> {
  const result = await dropPartition(db, partition);
  const { name, startMs } = partition;
  if (result === 'dropped') log.info({ partition: name }, 'partition dropped');
  if (result === 'busy') log.info({ partition: name }, 'partition in use; it is dropped the next time');
  if (result === 'kept') {
    const openDeliveries = await countOpenDeliveries(db, startMs);
    log.warn({ partition: name, openDeliveries }, 'partition kept past its time: deliveries are still open');
  }
  return result;
}
