// Keeps this process's leases alive, takes over those of dead processes, and gives back those that nobody here knows of.
import type pg from 'pg';
import type { Clock } from '../lib/clock.ts';
import { createLoop } from '../lib/loop.ts';
import type { Log } from '../lib/log.ts';
import { listLeases, recoverLeases, releaseLeases } from '../store/leases.ts';
import {
  forgetProcess,
  listNeighbours,
  type ProcessIdentity,
  recordHeartbeat,
  registerProcess,
} from '../store/processes.ts';
import type { Lease } from '../store/settle-deliveries.ts';

export interface LeaseTimes {
  heartbeatMs: number;
  /** A process this long without a heartbeat is dead to the others. */
  silentMaxMs: number;
  /** A process starts no attempt when its last heartbeat is older: well below silentMaxMs. */
  freshMaxMs: number;
  sweepMs: number;
}

// Dead at 15 s, seen by the next heartbeat of another within 5 s, claimed at once: about 20 s in all, 30 s promised.
export const defaultLeaseTimes: LeaseTimes = {
  heartbeatMs: 5_000,
  silentMaxMs: 15_000,
  freshMaxMs: 10_000,
  sweepMs: 15_000,
};
const errorDelayMs = 1_000;
// Between the two looks at an unknown lease: far longer than a commit takes to be heard of.
const secondLookMs = 5_000;

export interface LeaseKeeper {
  /** The id that this process leases deliveries under. */
  owner(): number;
  /** False when the others may already take this process for dead. */
  isFresh(): boolean;
  /** Registers the process, and frees the leases of neighbours that are gone. */
  start(): Promise<void>;
  /** Looks soon for leases that this process does not know of. */
  sweepSoon(): void;
  /** One heartbeat, with the recovery of dead processes. */
  beatOnce(): Promise<void>;
  /** One comparison of the database's leases with memory; what is unknown twice in a row is given back. */
  sweepOnce(): Promise<void>;
  /** Gives back everything that is still leased, and forgets the process. */
  stop(): Promise<void>;
}

export interface LeaseKeeperDeps {
  pool: pg.Pool;
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

const leaseKey = (lease: Lease) => `${lease.messageId} ${lease.endpointId} ${lease.leaseSeq}`;

export function createLeaseKeeper(deps: LeaseKeeperDeps): LeaseKeeper {
  const { pool, times, clock, log } = deps;
  let owner = 0;
  let beatenAtMs = Number.NEGATIVE_INFINITY;
  let unknownBefore = new Set<string>();

  const register = async () => {
    const askedAtMs = clock.monotonicMs();
    owner = await registerProcess(pool, deps.identity);
    beatenAtMs = askedAtMs;
    unknownBefore = new Set();
  };

  const recover = async (deadProcessIds: readonly number[]) => {
    const { processIds, deliveryCount } = await recoverLeases(pool, times.silentMaxMs, deadProcessIds);
    if (processIds.length === 0) return;
    log.warn({ processIds, deliveries: deliveryCount }, 'took over from processes that are gone');
    if (deliveryCount > 0) deps.onFreed();
  };

  // A process id of this machine that no longer runs needs no waiting for its silence.
  const deadNeighbours = async (): Promise<number[]> => {
    const { host, pid } = deps.identity;
    if (host === null) return [];
    const neighbours = await listNeighbours(pool, host, owner);
    return neighbours.filter((other) => other.pid === pid || !deps.isAlive(other.pid)).map(({ id }) => id);
  };

  const beatOnce = async () => {
    const askedAtMs = clock.monotonicMs();
    if (await recordHeartbeat(pool, owner)) {
      beatenAtMs = askedAtMs;
    } else {
      log.warn({ processId: owner }, 'this process was silent for too long and its leases were taken over');
      deps.onLost();
      await register();
    }
    deps.onFresh();
    await recover([]);
  };

  const sweepOnce = async () => {
    const unknown = (await listLeases(pool, owner)).filter((lease) => !deps.holds(lease));
    const stray = unknown.filter((lease) => unknownBefore.has(leaseKey(lease)));
    unknownBefore = new Set(unknown.map(leaseKey));
    if (stray.length === 0) return;
    unknownBefore = new Set();
    const freed = await releaseLeases(pool, stray);
    log.warn(
      { deliveries: freed },
      'gave back deliveries that were leased to this process without its knowledge',
    );
    if (freed > 0) deps.onFreed();
  };

  const heart = createLoop({
    name: 'heartbeat',
    runOnce: () => beatOnce().then(() => times.heartbeatMs),
    errorDelayMs,
    log,
  });
  const sweeper = createLoop({
    name: 'lease sweep',
    runOnce: () => sweepOnce().then(() => (unknownBefore.size > 0 ? secondLookMs : times.sweepMs)),
    errorDelayMs,
    log,
  });

  return {
    owner: () => owner,
    isFresh: () => clock.monotonicMs() - beatenAtMs <= times.freshMaxMs,
    async start() {
      await register();
      await recover(await deadNeighbours());
      heart.start();
      sweeper.start();
    },
    sweepSoon: () => sweeper.wakeWithin(errorDelayMs),
    beatOnce,
    sweepOnce,
    async stop() {
      await Promise.all([heart.stop(), sweeper.stop()]);
      const left = await listLeases(pool, owner);
      if (left.length > 0) await releaseLeases(pool, left);
      await forgetProcess(pool, owner);
    },
  };
}
