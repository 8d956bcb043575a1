// The delivery engine of one process: accept -> dispatch -> attempt -> settle, with the loops that keep it going.
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Accept } from '../core/acceptance.ts';
import type { RetryPolicy } from '../core/retry-schedule.ts';
import type { Clock } from '../lib/clock.ts';
import type { NewId } from '../lib/ids.ts';
import type { Log } from '../lib/log.ts';
import { releaseLeases } from '../store/leases.ts';
import type { ProcessIdentity } from '../store/processes.ts';
import type { SecretBox } from '../store/secret-box.ts';
import type { Settled } from '../store/settle-deliveries.ts';
import { createAcceptor } from './accept.ts';
import { createAttempt, type Finished } from './attempt.ts';
import { createClaimer } from './claimer.ts';
import { createConfigCache } from './config-cache.ts';
import type { HttpConnector } from './connectors/http.ts';
import { createDispatcher, type DispatchLimits, type Work } from './dispatcher.ts';
import { createHousekeeper } from './housekeeper.ts';
import { createLeaseKeeper, type LeaseTimes } from './lease-keeper.ts';
import { createPrepare } from './prepare.ts';
import { createSettler } from './settler.ts';

export interface EngineDeps {
  pool: pg.Pool;
  box: SecretBox;
  connector: HttpConnector;
  policy: RetryPolicy;
  attemptTimeoutMs: number;
  /** How long an endpoint may only fail before it is disabled. */
  failingMaxMs: number;
  limits: DispatchLimits;
  leaseTimes: LeaseTimes;
  identity: ProcessIdentity;
  isAlive(pid: number): boolean;
  userAgent: string;
  clock: Clock;
  newId: NewId;
  random: () => number;
  log: Log;
  /** Called after each settled delivery, for whoever watches. */
  onSettled?(settled: Settled): void;
}

export interface Engine {
  accept: Accept;
  /** There is something to claim. */
  wake(): void;
  start(): Promise<void>;
  /** Ends within `timeoutMs`: attempts under way are finished, everything else is given back. */
  stop(timeoutMs: number): Promise<void>;
  counts(): { held: number; inFlight: number; bytes: number };
}

export function createEngine(deps: EngineDeps): Engine {
  const { pool, clock, log, policy } = deps;
  const configs = createConfigCache({ pool, box: deps.box, clock });
  const makeAttempt = createAttempt({ ...deps, configs, prepare: createPrepare(deps.userAgent) });

  // An error here is a bug or a database that is away: memory forgets the delivery, and the sweep gives its lease back.
  const start = async (work: Work) => {
    try {
      settler.add(await makeAttempt(work));
    } catch (error) {
      const { messageId, endpointId } = work;
      log.error(
        { err: error, messageId, endpointId },
        'an attempt could not be made; it will be tried again',
      );
      dispatcher.finish(work);
      leases.sweepSoon();
    }
  };
  const dispatcher = createDispatcher(deps.limits, { start, mayStart: () => leases.isFresh() });

  const settler = createSettler({
    pool,
    clock,
    log,
    failingMaxMs: deps.failingMaxMs,
    onEnd: ({ work }) => dispatcher.finish(work),
    onSettled: (finished) => {
      wakeForRetry(finished);
      deps.onSettled?.(finished.settled);
    },
  });
  const wakeForRetry = ({ settled: { transition } }: Finished) => {
    if ('delayMs' in transition) claimer.wakeWithin(transition.delayMs);
  };

  const leases = createLeaseKeeper({
    ...deps,
    times: deps.leaseTimes,
    holds: dispatcher.holds,
    onLost: () => {
      for (const work of dispatcher.removeWaiting()) dispatcher.finish(work);
    },
    onFresh: dispatcher.pump,
    onFreed: () => claimer.wake(),
  });
  const claimer = createClaimer({ pool, dispatcher, leases, log });
  const housekeeper = createHousekeeper(deps);
  const acceptor = createAcceptor({
    pool,
    configs,
    dispatcher,
    newId: deps.newId,
    leaseOwner: leases.owner,
    firstDelayMs: (policy.delaysSeconds[0] ?? 0) * 1000,
    onUncertain: leases.sweepSoon,
    onWaiting: claimer.wake,
  });

  const giveBackWaiting = async () => {
    const waiting = dispatcher.removeWaiting();
    if (waiting.length > 0) await releaseLeases(pool, waiting);
    for (const work of waiting) dispatcher.finish(work);
  };

  return {
    accept: acceptor.accept,
    wake: claimer.wake,
    async start() {
      await housekeeper.runOnce();
      await leases.start();
      claimer.start();
      housekeeper.start();
    },
    async stop(timeoutMs) {
      const deadline = pause(timeoutMs, undefined, { ref: false }).then(settler.abandon);
      const orderly = async () => {
        await Promise.all([claimer.stop(), housekeeper.stop(), acceptor.drain()]);
        await giveBackWaiting();
        await dispatcher.idle();
        await settler.drain();
        await leases.stop();
      };
      await Promise.race([orderly(), deadline]);
      await deps.connector.close();
    },
    counts: dispatcher.counts,
  };
}
