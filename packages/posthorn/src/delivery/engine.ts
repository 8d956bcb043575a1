// The delivery engine of one process: accept -> dispatch -> attempt -> settle, with the loops that keep it going.
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Accept } from '../core/acceptance.ts';
import type { AcceptInbound } from '../core/inbound.ts';
import type { RetryPolicy } from '../core/retry-schedule.ts';
import { type Batcher, createBatcher } from '../lib/batcher.ts';
import type { Transform } from '../core/transformation.ts';
import type { Clock } from '../lib/clock.ts';
import type { NewId } from '../lib/ids.ts';
import type { Loop } from '../lib/loop.ts';
import type { Log } from '../lib/log.ts';
import { findEventType } from '../store/messages.ts';
import { releaseLeases } from '../store/leases.ts';
import type { ProcessIdentity } from '../store/processes.ts';
import type { SecretBox } from '../store/secret-box.ts';
import type { Settled } from '../store/settle-deliveries.ts';
import { type AcceptDeps, Acceptor } from './accept.ts';
import { InboundAcceptor } from './accept-inbound.ts';
import { AccessTokens } from './access-tokens.ts';
import { Actions } from './actions.ts';
import { askPatiently } from './ask-patiently.ts';
import { createAttempt, type Finished, type MakeAttempt } from './attempt.ts';
import { type Claimer, createClaimer } from './claimer.ts';
import { ConfigCache } from './config-cache.ts';
import type { Connectors } from './connectors/connector.ts';
import type { HttpConnector } from './connectors/http.ts';
import { createContentExpirer } from './content-expirer.ts';
import type { DispatchLimits } from './dispatch-limits.ts';
import type { DispatchHooks, Work } from './dispatch-hooks.ts';
import { Dispatcher } from './dispatcher.ts';
import { createHousekeeper, type Housekeeper } from './housekeeper.ts';
import { LeaseKeeper, type LeaseTimes } from './lease-keeper.ts';
import { MessagePlanner } from './message-planner.ts';
import { createPrepare } from './prepare.ts';
import { Settler } from './settler.ts';
import { Throttle } from './throttle.ts';

export interface EngineDeps {
  pool: pg.Pool;
  heartbeatPool: pg.Pool;
  box: SecretBox;
  connector: HttpConnector;
  /** Of the other kinds of endpoints. */
  connectors: Connectors;
  transform: Transform;
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
  /** Somebody wants to be told of attempts that are out of the ordinary (operational webhooks). */
  isOperationalInUse?(): boolean;
  /** Called after each settled delivery, for whoever watches. */
  onSettled?(settled: Settled): void;
}

/** Deliveries that this process will not send now, to be claimed again in `delayMs` at the earliest. */
interface Return {
  waiting: Work[];
  delayMs: number;
}

// Endpoints that fail together are given back together: a large lane, or a hundred, must not hold up the statements
// of everyone else. One statement at a time, of so many rows.
const returnedMax = 100;
// What was given back because the configuration in memory was old must not come and go by the hundred until it is new.
const returnedAgainMs = 100;

export class Engine {
  readonly #deps: EngineDeps;
  readonly #makeAttempt: MakeAttempt;
  readonly #actions: Actions;
  readonly #dispatcher: Dispatcher;
  readonly #settler: Settler;
  readonly #leases: LeaseKeeper;
  readonly #claimer: Claimer;
  readonly #housekeeper: Housekeeper;
  readonly #expirer: Loop;
  readonly #acceptor: Acceptor;
  readonly #inbound: InboundAcceptor;
  readonly #returns: Batcher<Return>;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    const { pool, policy, log } = deps;
    const configs = new ConfigCache(deps);
    const eventTypeOf = (work: Work) => this.#eventTypeOf(work);
    this.#actions = new Actions({ ...deps, eventTypeOf });
    this.#makeAttempt = createAttempt({
      ...deps,
      configs,
      tokens: new AccessTokens(deps),
      prepare: createPrepare(deps.userAgent),
      act: this.#actions.attempt,
      maySend: (work) => this.#maySend(work),
      eventTypeOf,
    });
    const throttle = new Throttle({ pool, configs, clock: deps.clock, log });
    const hooks: DispatchHooks = {
      start: (work) => this.#attempt(work),
      mayStart: () => leases.isFresh(),
      throttle: (work) => throttle.wait(work),
      onRoom: () => this.wake(),
      onClosed: (waiting, closedMs) => this.#giveBack(waiting, closedMs),
    };
    const dispatcher = new Dispatcher(deps.limits, hooks, deps);
    const leases = new LeaseKeeper({
      ...deps,
      times: deps.leaseTimes,
      holds: (lease) => dispatcher.holds(lease) || this.#claimer.isReading(lease),
      onLost: () => this.#forgetWaiting(),
      onFresh: () => dispatcher.pump(),
      onFreed: () => this.wake(),
    });
    this.#settler = new Settler({
      ...deps,
      onEnd: ({ work }) => dispatcher.finish(work),
      onSettled: (finished) => this.#settled(finished),
    });
    this.#claimer = createClaimer({ pool, dispatcher, configs, leases, clock: deps.clock, log });
    this.#housekeeper = createHousekeeper(deps);
    this.#expirer = createContentExpirer(deps);
    const firstDelayMs = (policy.delaysSeconds[0] ?? 0) * 1000;
    const accepting: AcceptDeps = {
      ...deps,
      configs,
      planner: new MessagePlanner({ dispatcher, newId: deps.newId, firstDelayMs }),
      leaseOwner: () => leases.owner(),
      firstDelayMs,
      onUncertain: () => leases.sweepSoon(),
      onWaiting: () => this.wake(),
    };
    this.#acceptor = new Acceptor(accepting);
    this.#inbound = new InboundAcceptor(accepting);
    const returnAll = async (batch: Return[]) => {
      for (const given of batch) await this.#return(given);
    };
    this.#returns = createBatcher({ itemsMax: 1, concurrencyMax: 1, run: returnAll });
    this.#dispatcher = dispatcher;
    this.#leases = leases;
  }

  readonly accept: Accept = (message) => this.#acceptor.accept(message);

  readonly acceptInbound: AcceptInbound = (request) => this.#inbound.accept(request);

  /** There is something to claim. */
  readonly wake = (): void => this.#claimer.wake();

  async start(): Promise<void> {
    // Without it the server works on: what no partition covers goes to the default one.
    await this.#housekeeper
      .prepare()
      .catch((error: unknown) => this.#deps.log.error({ err: error }, 'housekeeping failed'));
    await this.#leases.start();
    this.#claimer.start();
    this.#housekeeper.start();
    this.#expirer.start();
  }

  /** Ends within `timeoutMs`: attempts under way are finished, everything else is given back. */
  async stop(timeoutMs: number): Promise<void> {
    const deadline = pause(timeoutMs, undefined, { ref: false }).then(() => this.#settler.abandon());
    try {
      await Promise.race([this.#finishAndGiveBack(), deadline]);
    } finally {
      await Promise.all([this.#actions.close(), this.#deps.connector.close()]);
    }
  }

  counts(): { held: number; inFlight: number; bytes: number } {
    return this.#dispatcher.counts();
  }

  /** An error here is a bug or a database that is away: memory forgets the delivery, the sweep gives its lease back. */
  async #attempt(work: Work): Promise<void> {
    try {
      const finished = await this.#makeAttempt(work);
      if ('postponedMs' in finished) {
        const waiting = this.#dispatcher.removeWaitingOf(work.endpointId);
        return this.#giveBack([work, ...waiting], finished.postponedMs);
      }
      this.#settler.add(finished);
      if (finished.holdsUp) this.#giveBack(this.#dispatcher.removeWaitingOf(work.endpointId), 0);
      if (finished.signal) this.#dispatcher.report(work.endpointId, finished.signal);
    } catch (error) {
      const { messageId, endpointId } = work;
      this.#deps.log.error(
        { err: error, messageId, endpointId },
        'no attempt could be made; it will be tried again',
      );
      this.#dispatcher.finish(work);
      this.#leases.sweepSoon();
      if (work.ordering) this.#giveBack(this.#dispatcher.removeWaitingOf(endpointId), 0);
    }
  }

  /** False when others may have taken the delivery over. */
  #maySend({ leaseOwner }: Work): boolean {
    return this.#leases.isFresh() && leaseOwner === this.#leases.owner();
  }

  #eventTypeOf(work: Work): Promise<string> {
    const { pool, random } = this.#deps;
    return askPatiently(() => findEventType(pool, work), { mayWait: () => this.#maySend(work), random });
  }

  #giveBack(waiting: readonly Work[], delayMs: number): void {
    for (let start = 0; start < waiting.length; start += returnedMax)
      this.#returns.add({ waiting: waiting.slice(start, start + returnedMax), delayMs });
  }

  /** What is not given back because the database is away is found by the sweep: memory holds it no more. */
  async #return({ waiting, delayMs }: Return): Promise<void> {
    try {
      await releaseLeases(this.#deps.pool, waiting, delayMs);
    } catch (error) {
      this.#deps.log.warn({ err: error, deliveries: waiting.length }, 'deliveries could not be given back');
      this.#leases.sweepSoon();
    }
    for (const work of waiting) this.#dispatcher.finish(work);
    this.#claimer.wakeWithin(Math.max(delayMs, returnedAgainMs));
  }

  #settled({ settled }: Finished): void {
    if (settled.turn) this.wake();
    if ('delayMs' in settled.transition) this.#claimer.wakeWithin(settled.transition.delayMs);
    this.#deps.onSettled?.(settled);
  }

  #forgetWaiting(): void {
    for (const work of this.#dispatcher.removeWaiting()) this.#dispatcher.finish(work);
  }

  async #finishAndGiveBack(): Promise<void> {
    const loops = [this.#claimer, this.#housekeeper, this.#expirer];
    const doors = [this.#acceptor, this.#inbound].map((acceptor) => acceptor.drain());
    await Promise.all([...loops.map((loop) => loop.stop()), ...doors]);
    // While the database is away nothing is given back now, and what is under way goes on all the same.
    this.#giveBack(this.#dispatcher.removeWaiting(), 0);
    await this.#dispatcher.idle();
    await Promise.all([this.#settler.drain(), this.#returns.drain()]);
    await this.#leases.stop();
  }
}
