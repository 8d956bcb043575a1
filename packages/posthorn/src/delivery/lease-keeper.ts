// Keeps this process's leases alive, takes over those of dead processes, and gives back those that nobody here knows of.
import type pg from 'pg';
import type { Clock } from '../lib/clock.ts';
import { createLoop, type Loop } from '../lib/loop.ts';
import type { Log } from '../lib/log.ts';
import { forgetProcess, leaseKey, listLeases, recoverLeases, releaseLeases } from '../store/leases.ts';
import {
  listNeighbours,
  type ProcessIdentity,
  recordHeartbeat,
  registerProcess,
} from '../store/processes.ts';
import type { Lease } from '../store/leases.ts';

export interface LeaseTimes {
  heartbeatMs: number;
  /** A process this long without a heartbeat is dead to the others. */
  silentMaxMs: number;
  /** A process starts no attempt when its last heartbeat is older: well below silentMaxMs. */
  freshMaxMs: number;
  /** A process that was itself this long without a heartbeat leaves the others alone for a while: */
  lateMaxMs: number;
  /** so long, until each that lives had the time for a heartbeat. */
  graceMs: number;
  sweepMs: number;
}

// Dead at 15 s, seen by the next heartbeat of another within 5 s, claimed at once: about 20 s in all, 30 s promised.
// Grace is a heartbeat's interval and its limit of 4 s: who lives beats by then, also when one fails on the way. It ends
// with the second beat after an outage, 10 s after the return. Late is what comes 2 s after its time: a statement that
// failed at once, and was sent again, is not.
export const defaultLeaseTimes: LeaseTimes = {
  heartbeatMs: 5_000,
  silentMaxMs: 15_000,
  freshMaxMs: 10_000,
  lateMaxMs: 7_000,
  graceMs: 9_000,
  sweepMs: 15_000,
};
const errorDelayMs = 1_000;
// How long a lease must have been unknown: far longer than a commit takes to be heard of.
const unknownMs = 5_000;
// Timers fire a little early at times.
const secondLookMs = unknownMs + 50;

export interface LeaseKeeperDeps {
  pool: pg.Pool;
  /** For the heartbeat alone: it waits behind no other statement. */
  heartbeatPool: pg.Pool;
  identity: ProcessIdentity;
  isAlive(pid: number): boolean;
  times: LeaseTimes;
  clock: Clock;
  log: Log;
  /** Does this process have the delivery in memory? */
  holds(lease: Lease): boolean;
  /** This process was taken for dead: what waits in memory is not its own any more. */
  onLost(): void;
  /** The heartbeat came through. */
  onFresh(): void;
  /** Deliveries were freed: there is something to claim. */
  onFreed(): void;
}

export class LeaseKeeper {
  readonly #deps: LeaseKeeperDeps;
  readonly #heart: Loop;
  readonly #sweeper: Loop;
  readonly #recoverer: Loop;
  #owner = 0;
  #beatenAtMs = Number.NEGATIVE_INFINITY;
  /** When they were first seen; monotonic milliseconds. */
  #unknownSince = new Map<string, number>();
  /** Since when this process beats in time; monotonic milliseconds. */
  #inTimeSinceMs = Number.POSITIVE_INFINITY;
  #silentIds: readonly number[] = [];

  constructor(deps: LeaseKeeperDeps) {
    this.#deps = deps;
    const { sweepMs } = deps.times;
    const { log } = deps;
    this.#heart = createLoop({
      name: 'heartbeat',
      runOnce: () => this.#beatInTime(),
      errorDelayMs,
      log,
    });
    // Apart from the heartbeat: it waits for rows that somebody has locked, and who recovers the dead must not fall silent.
    this.#recoverer = createLoop({
      name: 'recovery',
      runOnce: () => this.#recoverOnce().then(() => sweepMs),
      errorDelayMs,
      log,
    });
    this.#sweeper = createLoop({
      name: 'lease sweep',
      runOnce: () => this.sweepOnce().then(() => (this.#unknownSince.size > 0 ? secondLookMs : sweepMs)),
      errorDelayMs,
      log,
    });
  }

  /** The id that this process leases deliveries under. */
  owner(): number {
    return this.#owner;
  }

  /** False when the others may already take this process for dead. */
  isFresh(): boolean {
    return this.#deps.clock.monotonicMs() - this.#beatenAtMs <= this.#deps.times.freshMaxMs;
  }

  /** Registers the process, and frees the leases of neighbours that are gone. */
  async start(): Promise<void> {
    await this.#register();
    await this.#recover({ deadIds: await this.#deadNeighbours() });
    this.#heart.start();
    this.#recoverer.start();
    this.#sweeper.start();
  }

  /** Looks soon for leases that this process does not know of. */
  sweepSoon(): void {
    this.#sweeper.wakeWithin(errorDelayMs);
  }

  /** One heartbeat. */
  async beatOnce(): Promise<void> {
    const { heartbeatPool, clock, log, times, onLost, onFresh } = this.#deps;
    const askedAtMs = clock.monotonicMs();
    const { alive, wasSilentMs, silentIds } = await recordHeartbeat(
      heartbeatPool,
      this.#owner,
      times.silentMaxMs,
    );
    if (alive) {
      this.#beatenAtMs = askedAtMs;
    } else {
      log.warn(
        { processId: this.#owner },
        'this process was silent for too long; others took its leases over',
      );
      onLost();
      await this.#register();
    }
    onFresh();
    // Who was silent itself cannot tell the dead from the living: nobody may have been able to beat, or the database's
    // clock has jumped. The first one back would bury all the others.
    if (wasSilentMs === null || wasSilentMs > times.lateMaxMs) this.#inTimeSinceMs = askedAtMs;
    if (silentIds.length === 0 || askedAtMs - this.#inTimeSinceMs < times.graceMs) return;
    this.#silentIds = silentIds;
    this.#recoverer.wake();
  }

  /** One comparison of the database's leases with memory; what has been unknown for long enough is given back. */
  async sweepOnce(): Promise<void> {
    const { pool, clock, log, holds, onFreed } = this.#deps;
    const askedAtMs = clock.monotonicMs();
    const unknown = (await listLeases(pool, this.#owner)).filter((lease) => !holds(lease));
    const nowMs = clock.monotonicMs();
    const before = this.#unknownSince;
    const sinceMs = (lease: Lease) => before.get(leaseKey(lease)) ?? nowMs;
    const stray = unknown.filter((lease) => askedAtMs - sinceMs(lease) >= unknownMs);
    this.#unknownSince = new Map(unknown.map((lease) => [leaseKey(lease), sinceMs(lease)]));
    if (stray.length === 0) return;
    for (const lease of stray) this.#unknownSince.delete(leaseKey(lease));
    const freed = await releaseLeases(pool, stray);
    log.warn(
      { deliveries: freed },
      'gave back deliveries that were leased to this process without its knowledge',
    );
    if (freed > 0) onFreed();
  }

  /** Gives back everything that is still leased, and forgets the process. */
  async stop(): Promise<void> {
    await Promise.all([this.#recoverer.stop(), this.#sweeper.stop()]);
    await this.#heart.stop();
    await forgetProcess(this.#deps.pool, this.#owner);
  }

  /** Resolves with the milliseconds until the next: counted from the start of this one, or slow beats come less often. */
  async #beatInTime(): Promise<number> {
    const { clock, times } = this.#deps;
    const startedAtMs = clock.monotonicMs();
    await this.beatOnce();
    return Math.max(0, startedAtMs + times.heartbeatMs - clock.monotonicMs());
  }

  async #recoverOnce(): Promise<void> {
    const silentIds = this.#silentIds;
    this.#silentIds = [];
    if (silentIds.length > 0) await this.#recover({ silentIds });
  }

  async #register(): Promise<void> {
    const askedAtMs = this.#deps.clock.monotonicMs();
    this.#owner = await registerProcess(this.#deps.pool, this.#deps.identity);
    this.#beatenAtMs = askedAtMs;
    this.#inTimeSinceMs = askedAtMs;
    this.#unknownSince = new Map();
  }

  async #recover(ids: { deadIds?: readonly number[]; silentIds?: readonly number[] }): Promise<void> {
    const { pool, times, log, onFreed } = this.#deps;
    const { processIds, deliveryCount } = await recoverLeases(pool, times.silentMaxMs, ids);
    if (processIds.length === 0) return;
    log.warn({ processIds, deliveries: deliveryCount }, 'took over from processes that are gone');
    if (deliveryCount > 0) onFreed();
  }

  /** A process id of this machine that no longer runs needs no waiting for its silence. */
  async #deadNeighbours(): Promise<number[]> {
    const { pool, identity, isAlive } = this.#deps;
    if (identity.host === null) return [];
    const neighbours = await listNeighbours(pool, identity.host, this.#owner);
    return neighbours.filter(({ pid }) => pid === identity.pid || !isAlive(pid)).map(({ id }) => id);
  }
}
