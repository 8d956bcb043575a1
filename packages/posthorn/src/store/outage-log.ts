// The log of whoever works on the database: an outage is told once when it begins, now and then while it lasts, and
// once when it is over, however many statements fail of it.
import type pg from 'pg';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { OverloadedError } from '../core/acceptance.ts';
import { isDatabaseUnavailable } from './availability.ts';

const lookMs = 1_000;
// A disk that is full, or a standby, answers the look and still refuses the work: it is over when nothing failed for
// this long.
const quietMs = 2_000;
const repeatMs = 10_000;

export interface OutageLogDeps {
  log: Log;
  clock: Clock;
  pool: Pick<pg.Pool, 'query'>;
}

interface Outage {
  startedAtMs: number;
  failedAtMs: number;
  saidAtMs: number;
  failures: number;
}

export class OutageLog implements Log {
  readonly #deps: OutageLogDeps;
  #outage: Outage | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: OutageLogDeps) {
    this.#deps = deps;
  }

  debug(fields: object, message: string): void {
    this.#deps.log.debug(fields, message);
  }

  info(fields: object, message: string): void {
    this.#deps.log.info(fields, message);
  }

  /** Counted instead of written, when `fields.err` says that PostgreSQL is away. */
  warn(fields: object, message: string): void {
    if (!this.#isOutage(fields, message)) this.#deps.log.warn(fields, message);
  }

  error(fields: object, message: string): void {
    if (!this.#isOutage(fields, message)) this.#deps.log.error(fields, message);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#outage = undefined;
  }

  #isOutage(fields: object, message: string): boolean {
    const err: unknown = Reflect.get(fields, 'err');
    if (err instanceof OverloadedError || !isDatabaseUnavailable(err)) return false;
    const nowMs = this.#deps.clock.monotonicMs();
    if (this.#outage) {
      this.#outage.failures += 1;
      this.#outage.failedAtMs = nowMs;
      return true;
    }
    this.#outage = { startedAtMs: nowMs, failedAtMs: nowMs, saidAtMs: nowMs, failures: 1 };
    this.#deps.log.warn({ ...fields, during: message }, 'PostgreSQL is away, or cannot work: trying again');
    this.#lookLater();
    return true;
  }

  #lookLater(): void {
    this.#timer = setTimeout(() => void this.#look(), lookMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const answers = await this.#deps.pool.query('select 1').then(
      () => true,
      () => false,
    );
    const outage = this.#outage;
    if (!outage) return;
    const nowMs = this.#deps.clock.monotonicMs();
    const { failures } = outage;
    const awayMs = Math.round(nowMs - outage.startedAtMs);
    if (answers && nowMs - outage.failedAtMs >= quietMs) {
      this.#outage = undefined;
      this.#deps.log.info({ awayMs, failures }, 'PostgreSQL works again');
      return;
    }
    if (nowMs - outage.saidAtMs >= repeatMs) {
      outage.saidAtMs = nowMs;
      this.#deps.log.warn({ awayMs, failures }, 'PostgreSQL is still away, or cannot work');
    }
    this.#lookLater();
  }
}
