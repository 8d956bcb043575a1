// Keeps the rate limits of endpoints and applications. Starts are reserved in the database a few at a time, so that
// all processes together stay below the limit; what has no limit costs nothing.
import type pg from 'pg';
import { BoundedMap } from '../lib/bounded-map.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { ApplicationConfig } from '../store/application-config.ts';
import { reserveStarts } from '../store/rate-limit.ts';
import type { ConfigCache } from './config-cache.ts';
import type { Work } from './dispatch-hooks.ts';
import type { Wait } from './limit-lines.ts';

// A reservation covers this much time: long enough to be rare, short enough that processes share fairly.
const reserveAheadMs = 200;
const reservedMax = 100;
// While a reservation is under way, and after one that failed.
const askAgainMs = 5;
const failedAskAgainMs = 500;
// A reserved start that is not used in time is forfeit: saved up, they would make a burst. Of slow limits each may be
// late by its whole interval, or a busy moment would cost a second.
const lateMaxMs = 50;
// Limits that were read for an endpoint count for so long, while memory has no room for its application's configuration.
const readForMs = 1_000;
// One that is dropped is read again.
const readMax = 10_000;

interface Limit {
  id: string;
  ratePerSecond: number;
}

interface Reading {
  /** Undefined while they are being read, and after that failed. */
  limits: Limit[] | undefined;
  /** Then they are read again. */
  untilMs: number;
}

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
  /** By endpoint: those whose configuration memory did not have when they were to start. */
  readonly #readings = new BoundedMap<string, Reading>(readMax);

  constructor(deps: { pool: pg.Pool; configs: ConfigCache; clock: Clock; log: Log }) {
    this.#deps = deps;
  }

  /** Undefined, and a start is used up, when the delivery may be attempted now. */
  wait(work: Work): Wait | undefined {
    const nowMs = this.#deps.clock.monotonicMs();
    const config = this.#deps.configs.peek(work.applicationId);
    if (config) return this.#takeStart(work, limitsOf(config, work), nowMs);
    // It can have been forgotten since the delivery was taken in: what is not known is no leave to start.
    const { limits, untilMs } = this.#reading(work, nowMs);
    if (limits) return this.#takeStart(work, limits, nowMs);
    return { ms: untilMs === Infinity ? askAgainMs : Math.ceil(untilMs - nowMs), isShared: false };
  }

  #takeStart({ applicationId }: Work, limits: readonly Limit[], nowMs: number): Wait | undefined {
    const buckets = limits.map((limit) => this.#bucket(limit));
    for (const bucket of buckets) {
      const waitMs = this.#bucketWaitMs(bucket, nowMs);
      if (waitMs > 0) return { ms: Math.ceil(waitMs), isShared: bucket.id === applicationId };
      // Kept until the next limit has a start, too. Forfeit meanwhile, two limits that several processes reserve in
      // turns never come together: nothing would start again.
      bucket.keepsOne = true;
    }
    for (const bucket of buckets) {
      bucket.keepsOne = false;
      bucket.reservedCount -= 1;
      bucket.nextAtMs += intervalMs(bucket);
    }
    return undefined;
  }

  #reading(work: Work, nowMs: number): Reading {
    const known = this.#readings.get(work.endpointId);
    if (known && nowMs < known.untilMs) return known;
    const reading: Reading = { limits: undefined, untilMs: Infinity };
    this.#readings.set(work.endpointId, reading);
    void this.#read(work, reading);
    return reading;
  }

  async #read(work: Work, reading: Reading): Promise<void> {
    const { configs, clock, log } = this.#deps;
    try {
      const config = await configs.forSend(work.applicationId);
      // Without one, its attempt finds out that the application is gone.
      reading.limits = config ? limitsOf(config, work) : [];
      reading.untilMs = clock.monotonicMs() + readForMs;
    } catch (error) {
      log.warn({ err: error, id: work.endpointId }, 'the rate limits of an endpoint could not be read');
      reading.untilMs = clock.monotonicMs() + failedAskAgainMs;
    }
  }

  #bucket({ id, ratePerSecond }: Limit): Bucket {
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

function limitsOf(config: ApplicationConfig, { endpointId, applicationId }: Work): Limit[] {
  const rates: [string, number | null | undefined][] = [
    [endpointId, config.endpointsById.get(endpointId)?.throttleRate],
    [applicationId, config.throttleRate],
  ];
  return rates.flatMap(([id, ratePerSecond]) => (ratePerSecond ? [{ id, ratePerSecond }] : []));
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
