// Keeps the rate limits of endpoints and applications. Starts are reserved in the database a few at a time, so that
// all processes together stay below the limit; what has no limit costs nothing.
import type pg from 'pg';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { reserveStarts } from '../store/rate-limit.ts';
import type { ConfigCache } from './config-cache.ts';
import type { Work } from './dispatcher.ts';

// A reservation covers this much time: long enough to be rare, short enough that processes share fairly.
const reserveAheadMs = 200;
const reservedMax = 100;
// While a reservation is under way, and after one that failed.
const askAgainMs = 5;
const failedAskAgainMs = 500;
// A reserved start that is not used in time is forfeit: saved up, they would make a burst. Of slow limits each may be
// late by its whole interval, or a busy moment would cost a second.
const lateMaxMs = 50;

interface Bucket {
  id: string;
  ratePerSecond: number;
  /** Reserved starts that are left, and when the next of them is free. */
  reservedCount: number;
  nextAtMs: number;
  /** The next start waits for one of another limit: it is not forfeit. */
  keepsOne: boolean;
  reserving: boolean;
  /** After a failed reservation: not before. */
  askAgainAtMs: number;
}

export class Throttle {
  readonly #deps: { pool: pg.Pool; configs: ConfigCache; clock: Clock; log: Log };
  readonly #buckets = new Map<string, Bucket>();

  constructor(deps: { pool: pg.Pool; configs: ConfigCache; clock: Clock; log: Log }) {
    this.#deps = deps;
  }

  /** 0, and a start is used up, when the delivery may be attempted now; else the milliseconds until asking is worth it. */
  waitMs(work: Work): number {
    const buckets = this.#bucketsOf(work);
    if (buckets.length === 0) return 0;
    const nowMs = this.#deps.clock.monotonicMs();
    for (const bucket of buckets) {
      const waitMs = this.#bucketWaitMs(bucket, nowMs);
      if (waitMs > 0) return Math.ceil(waitMs);
      // Kept until the next limit has a start, too. Forfeit meanwhile, two limits that several processes reserve in
      // turns never come together: nothing would start again.
      bucket.keepsOne = true;
    }
    for (const bucket of buckets) {
      bucket.keepsOne = false;
      bucket.reservedCount -= 1;
      bucket.nextAtMs += intervalMs(bucket);
    }
    return 0;
  }

  #bucketsOf(work: Work): Bucket[] {
    const config = this.#deps.configs.peek(work.applicationId);
    if (!config) return [];
    const endpoint = config.endpointsById.get(work.endpointId);
    const limits: [string, number | null | undefined][] = [
      [work.endpointId, endpoint?.throttleRate],
      [work.applicationId, config.throttleRate],
    ];
    return limits.flatMap(([id, rate]) => (rate ? [this.#bucket(id, rate)] : []));
  }

  #bucket(id: string, ratePerSecond: number): Bucket {
    const known = this.#buckets.get(id);
    if (known?.ratePerSecond === ratePerSecond) return known;
    const bucket = {
      id,
      ratePerSecond,
      reservedCount: 0,
      nextAtMs: 0,
      keepsOne: false,
      reserving: false,
      askAgainAtMs: 0,
    };
    this.#buckets.set(id, bucket);
    return bucket;
  }

  #bucketWaitMs(bucket: Bucket, nowMs: number): number {
    forfeitLate(bucket, nowMs);
    if (bucket.reservedCount > 0) return Math.max(0, bucket.nextAtMs - nowMs);
    if (bucket.reserving) return askAgainMs;
    if (nowMs < bucket.askAgainAtMs) return bucket.askAgainAtMs - nowMs;
    void this.#reserve(bucket);
    return askAgainMs;
  }

  async #reserve(bucket: Bucket): Promise<void> {
    const { pool, clock, log } = this.#deps;
    bucket.reserving = true;
    const wanted = Math.ceil((bucket.ratePerSecond * reserveAheadMs) / 1000);
    const count = Math.min(reservedMax, Math.max(1, wanted));
    try {
      const waitMs = await reserveStarts(pool, bucket.id, count, bucket.ratePerSecond);
      bucket.nextAtMs = clock.monotonicMs() + waitMs;
      bucket.reservedCount = count;
    } catch (error) {
      log.warn({ err: error, id: bucket.id }, 'a rate limit could not be reserved');
      bucket.askAgainAtMs = clock.monotonicMs() + failedAskAgainMs;
    } finally {
      bucket.reserving = false;
    }
  }
}

const intervalMs = (bucket: Bucket) => 1000 / bucket.ratePerSecond;

function forfeitLate(bucket: Bucket, nowMs: number): void {
  const lateMs = nowMs - bucket.nextAtMs - Math.max(lateMaxMs, intervalMs(bucket));
  if (bucket.reservedCount === 0 || lateMs <= 0) return;
  const losable = bucket.reservedCount - (bucket.keepsOne ? 1 : 0);
  const lost = Math.min(losable, Math.ceil(lateMs / intervalMs(bucket)));
  bucket.reservedCount -= lost;
  bucket.nextAtMs += lost * intervalMs(bucket);
}
