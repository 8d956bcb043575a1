// Slow upkeep: partitions made ahead, idempotency keys forgotten after their day.
import type pg from 'pg';
import type { Clock } from '../lib/clock.ts';
import { createLoop, type Loop } from '../lib/loop.ts';
import type { Log } from '../lib/log.ts';
import { dayMs, deleteOldIdempotencyKeys, ensurePartitions } from '../store/partitions.ts';

const everyMs = 60 * 60 * 1000;
const errorDelayMs = 30_000;
const partitionDaysAhead = 7;
/** An idempotency key is remembered for this long. */
const idempotencyKeyMs = dayMs;

export type Housekeeper = Loop & { runOnce(): Promise<number> };

export function createHousekeeper(deps: { pool: pg.Pool; clock: Clock; log: Log }): Housekeeper {
  const runOnce = async () => {
    const made = await ensurePartitions(deps.pool, deps.clock.now(), partitionDaysAhead);
    if (made.length > 0) deps.log.debug({ partitions: made.length }, 'partitions made');
    await deleteOldIdempotencyKeys(deps.pool, idempotencyKeyMs);
    return everyMs;
  };
  return { ...createLoop({ name: 'housekeeper', runOnce, errorDelayMs, log: deps.log }), runOnce };
}
