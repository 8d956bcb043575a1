// Brings due deliveries from the database into memory: retries, overflow, and what other processes left behind.
import type pg from 'pg';
import { createLoop, type Loop } from '../lib/loop.ts';
import type { Log } from '../lib/log.ts';
import type { Clock } from '../lib/clock.ts';
import { isLockTimeout } from '../store/availability.ts';
import { claimByKey } from '../store/claim-by-key.ts';
import {
  type Claimed,
  claimDeliveries,
  claimDeliveriesOf,
  type NextDue,
  nextDue,
} from '../store/claim-deliveries.ts';
import { claimInOrder } from '../store/claim-in-order.ts';
import { readContents } from '../store/claimed-contents.ts';
import { type Lease, leaseKey, releaseLeases } from '../store/leases.ts';
import type { ConfigCache } from './config-cache.ts';
import type { Work } from './dispatch-hooks.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { LeaseKeeper } from './lease-keeper.ts';

// Nobody tells this process of work that another one puts into the database: it looks this often.
const pollMs = 3_000;
const noRoomDelayMs = 100;
const errorDelayMs = 1_000;
const endpointsPerClaimMax = 50;
const perEndpointMax = 20;
// Of an endpoint with an order by key, one of each of so many keys.
const keysPerEndpointMax = 50;
// Of an endpoint with an order nothing is claimed before all of this has ended: few endpoints, and more of each.
const perOrderMax = 200;
const ordersPerClaimMax = 25;
// An endpoint whose order is under way elsewhere is left alone for so long.
const busyMs = 50;
// So many applications wait for their configurations before no more is claimed: each is a statement in the pool's queue.
const configuringMax = 50;

export interface ClaimerDeps {
  pool: pg.Pool;
  dispatcher: Dispatcher;
  configs: ConfigCache;
  leases: LeaseKeeper;
  clock: Clock;
  log: Log;
}

export interface Claimer extends Loop {
  /** Claims until nothing is due or memory is full; resolves with the milliseconds until it is worth trying again. */
  runOnce(): Promise<number>;
  /** It is leased, and its content is on the way into memory. */
  isReading(lease: Lease): boolean;
}

/** What is claimed and not dispatched yet. */
interface Underway {
  /** Their content is being read. */
  reading: Set<string>;
  /** Their applications' configurations are being loaded; none of them rejects. */
  configuring: Set<Promise<void>>;
}

interface Claims {
  /** Endpoints that nothing is claimed for now. */
  excluded(): string[];
  /** Some of them are left alone because they are under way elsewhere. */
  isSomeBusy(): boolean;
  /** For what is due, or for something else where that is to be had no more; false when there is nothing. */
  claim(due: NextDue): Promise<boolean>;
}

function createClaims(deps: ClaimerDeps, underway: Underway): Claims {
  const { pool, dispatcher, leases, clock } = deps;
  const busy = new BusyOrders(clock);
  const excluded = (): string[] => [...dispatcher.fullEndpoints(), ...busy.endpointIds()];

  const limits = (perEndpoint: number) => ({
    endpointsMax: endpointsPerClaimMax,
    perEndpointMax: perEndpoint,
    bytesMax: dispatcher.bytesRoom(),
    fullEndpoints: excluded(),
  });

  const take = (claimed: readonly Claimed[]) => takeIn(deps, claimed, underway);

  const claimAny = async (): Promise<number> =>
    take(await claimDeliveries(pool, leases.owner(), limits(perEndpointMax)));

  const claimOrdered = async (): Promise<number> => {
    const waitFor = dispatcher.takeEnded();
    // What is taken here goes one at a time: it leaves as much of what may be claimed to the others.
    const { rows, bytes } = dispatcher.orderedRoom();
    const perEndpoint = Math.max(1, Math.min(perOrderMax, Math.floor(rows / ordersPerClaimMax)));
    const ordered = { ...limits(perEndpoint), endpointsMax: ordersPerClaimMax, bytesMax: Math.max(1, bytes) };
    const claim = (endpointIds: string[]) =>
      claimInOrder(pool, leases.owner(), { ...ordered, waitFor: endpointIds });
    const { claimed, busyEndpoints } = await claim(waitFor).catch((error: unknown) => {
      if (!isLockTimeout(error)) throw error;
      // It holds up nobody else; it stays on the list, and has its turn when its row is free.
      return claim([]);
    });
    busy.leaveAlone(busyEndpoints);
    return take(claimed);
  };

  const claimTurns = async (): Promise<number> => {
    const { claimed, busyEndpoints } = await claimByKey(pool, leases.owner(), limits(keysPerEndpointMax));
    busy.leaveAlone(busyEndpoints);
    return take(claimed);
  };

  const claimsFor = {
    none: [claimAny, claimOrdered, claimTurns],
    endpoint: [claimOrdered, claimAny, claimTurns],
    key: [claimTurns, claimAny, claimOrdered],
  };

  const takeOverflowed = async () => take(await claimOverflowed(deps));
  const claim = (due: NextDue) =>
    claimFirst([takeOverflowed, ...claimsFor[due.order ?? 'none']]).catch((error: unknown) => {
      // Perhaps its answer alone was lost: then there are leases of this process that it does not know of.
      leases.sweepSoon();
      throw error;
    });

  return { excluded, isSomeBusy: () => busy.endpointIds().length > 0, claim };
}

export function createClaimer(deps: ClaimerDeps): Claimer {
  const { pool, dispatcher, leases } = deps;
  const underway: Underway = { reading: new Set(), configuring: new Set() };
  const claims = createClaims(deps, underway);

  const runOnce = async (): Promise<number> => {
    if (!leases.isFresh()) return pollMs;
    for (;;) {
      const due = await nextDue(pool, claims.excluded());
      const idleMs = claims.isSomeBusy() ? busyMs : pollMs;
      if (!due) return idleMs;
      if (due.inMs > 0) return Math.min(due.inMs, idleMs);
      if (dispatcher.claimRoom() === 0 || underway.configuring.size >= configuringMax) return noRoomDelayMs;
      // Another process may have it already, or hold the rows: do not spin.
      if (!(await claims.claim(due))) return noRoomDelayMs;
    }
  };

  const loop = createLoop({ name: 'claimer', runOnce, errorDelayMs, log: deps.log });
  const stop = async () => {
    await loop.stop();
    await Promise.all(underway.configuring);
  };
  const isReading = (lease: Lease) => underway.reading.has(leaseKey(lease));
  return { ...loop, stop, runOnce, isReading };
}

/** Endpoints whose order is under way elsewhere. */
class BusyOrders {
  readonly #clock: Clock;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  leaveAlone(endpointIds: readonly string[]): void {
    const untilMs = this.#clock.monotonicMs() + busyMs;
    for (const id of endpointIds) this.#untilMs.set(id, untilMs);
  }

  endpointIds(): string[] {
    const nowMs = this.#clock.monotonicMs();
    for (const [id, untilMs] of this.#untilMs) if (untilMs <= nowMs) this.#untilMs.delete(id);
    return [...this.#untilMs.keys()];
  }
}

/** First of all, or it would wait behind all that was due before: a hundred thousand endpoints that hang, say. */
async function claimOverflowed({ pool, dispatcher, leases }: ClaimerDeps): Promise<Claimed[]> {
  const endpointIds = dispatcher.takeOverflowed();
  if (endpointIds.length === 0) return [];
  const ofThem = { endpointIds, perEndpointMax, bytesMax: dispatcher.bytesRoom() };
  const claimed = await claimDeliveriesOf(pool, leases.owner(), ofThem);
  for (const { endpointId } of claimed) dispatcher.answering.noteOverflow(endpointId);
  return claimed;
}

/** Whether any of them found something; the later ones are asked when the earlier ones did not. */
async function claimFirst(claims: readonly (() => Promise<number>)[]): Promise<boolean> {
  for (const claim of claims) if ((await claim()) > 0) return true;
  return false;
}

/** Resolves with how many. */
async function takeIn(
  deps: ClaimerDeps,
  claimed: readonly Claimed[],
  { reading, configuring }: Underway,
): Promise<number> {
  const { pool, dispatcher, leases } = deps;
  // At once: what this process does not know of is given back by its sweep, and sent by somebody else as well.
  for (const lease of claimed) reading.add(leaseKey(lease));
  const works = await readContents(pool, claimed)
    .finally(() => reading.clear())
    .catch(async (error: unknown) => {
      await releaseLeases(pool, claimed).catch(() => leases.sweepSoon());
      throw error;
    });
  for (const work of works) dispatcher.expect(work);
  for (const [applicationId, own] of byApplication(works)) {
    const dispatched = dispatchConfigured(deps, applicationId, own);
    configuring.add(dispatched);
    void dispatched.then(() => configuring.delete(dispatched));
  }
  return works.length;
}

/**
 * Their rate limits are in the configuration: known before the first of them starts, it need not wait for them. Nobody
 * waits for that of another application.
 */
async function dispatchConfigured(
  { configs, dispatcher }: ClaimerDeps,
  applicationId: string,
  works: readonly Work[],
): Promise<void> {
  // One that cannot be loaded is asked for again before its deliveries start.
  await configs.forSend(applicationId).catch(() => undefined);
  for (const work of works) dispatcher.dispatch(work);
}

function byApplication(works: readonly Work[]): Map<string, Work[]> {
  const groups = new Map<string, Work[]>();
  for (const work of works) {
    const group = groups.get(work.applicationId);
    if (group) group.push(work);
    else groups.set(work.applicationId, [work]);
  }
  return groups;
}
