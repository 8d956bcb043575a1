// Slow upkeep: partitions made ahead, what is past its time deleted.
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Clock } from '../lib/clock.ts';
import { createLoop, type Loop } from '../lib/loop.ts';
import type { Log } from '../lib/log.ts';
import { deleteEndedApplicationTokens } from '../store/application-tokens.ts';
import { sweepAuditLog } from '../store/audit-log.ts';
import { deleteEndedTasks } from '../store/background-tasks.ts';
import { dayMs, dropPartition, ensurePartitions, listPartitions } from '../store/partitions.ts';
import { sweepIssues } from '../store/issue-sightings.ts';
import { rememberedMs } from '../store/idempotent-requests.ts';
import type { Connection, DropResult, Partition } from '../store/partitions.ts';
import { deleteOldMissing } from '../store/reconcile.ts';
import {
  countOpenDeliveries,
  deleteInBatches,
  deleteOldIdempotencyKeys,
  deleteOldIdempotentRequests,
  floorOf,
  listRetentions,
  sweepEventIds,
  sweepFeeds,
  sweepKeys,
  sweepTable,
  sweptTables,
  withHousekeepingLock,
} from '../store/retention.ts';
import type { Pace, Retention } from '../store/retention.ts';

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
/** One statement deletes this much, a few ten milliseconds' work; then the others have their turn. */
const rowsPerStatementMax = 5_000;
const pagesPerStatementMax = 200;
const betweenStatementsMs = 50;

export interface Housekeeper extends Loop {
  /** What a process needs before it accepts: the partitions. */
  prepare(): Promise<void>;
  /** All of it, unless another process is at it; resolves with the milliseconds until the next time. */
  runOnce(): Promise<number>;
}

export interface HousekeeperDeps {
  pool: pg.Pool;
  clock: Clock;
  log: Log;
}

export function createHousekeeper(deps: HousekeeperDeps): Housekeeper {
  const { pool, clock, log } = deps;
  const stopping = new AbortController();
  const pace: Pace = {
    pagesMax: pagesPerStatementMax,
    rowsMax: rowsPerStatementMax,
    breathe: () => pause(betweenStatementsMs, undefined, { signal: stopping.signal }),
  };

  const makePartitions = async (db: Connection) => {
    const made = await ensurePartitions(db, clock.now(), partitionDaysAhead);
    if (made.length > 0) log.debug({ partitions: made }, 'partitions made');
  };

  const keepHouse = async (db: Connection) => {
    await makePartitions(db);
    await deleteOldIdempotencyKeys(db, idempotencyKeyMs, pace);
    await deleteOldIdempotentRequests(db, rememberedMs, pace);
    await deleteInBatches(pace, () => deleteEndedTasks(db, endedTaskMs, pace.rowsMax));
    await deleteEndedApplicationTokens(db, endedTokenMs, pace);
    await sweepAuditLog(db, clock.now(), pace);
    await sweepIssues(db, pace);
    await deleteOldMissing(db, foundMissingMs, pace);
    const retentions = await listRetentions(db, clock.now());
    await dropExpiredPartitions(db, retentions, log);
    for (const retention of retentions) await sweepEnvironment(db, retention, pace, log);
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
  return { ...loop, stop, prepare: () => makePartitions(pool), runOnce };
}

/** Drops what no environment keeps any more. */
async function dropExpiredPartitions(
  db: Connection,
  retentions: readonly Retention[],
  log: Log,
): Promise<void> {
  if (retentions.length === 0) return;
  const partitions = await listPartitions(db);
  for (const table of sweptTables) {
    const floorMs = Math.min(...retentions.map((retention) => floorOf(retention, table)));
    const expired = partitions.filter((one) => one.table === table && one.startMs + dayMs <= floorMs);
    for (const partition of expired) {
      // Each try holds up whoever wants the table: one in vain is enough for now.
      if ((await dropExpired(db, partition, log)) === 'busy') break;
    }
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

async function sweepEnvironment(db: Connection, retention: Retention, pace: Pace, log: Log): Promise<void> {
  const deleted: Record<string, number> = {};
  for (const table of sweptTables) deleted[table.name] = await sweepTable(db, table, retention, pace);
  deleted.message_event_id = await sweepEventIds(db, retention, pace);
  deleted.message_feed = await sweepFeeds(db, retention, pace);
  deleted.endpoint_key = await sweepKeys(db, retention, pace);
  const total = Object.values(deleted).reduce((sum, count) => sum + count, 0);
  if (total > 0)
    log.info({ environmentId: retention.environmentId, deleted }, 'rows past their time deleted');
}
