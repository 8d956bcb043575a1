// Deliveries in memory: one lane per endpoint, so that a hanging endpoint costs its own slots and nobody else's.
import type { ClaimedDelivery } from '../store/claim-deliveries.ts';
import type { Lease } from '../store/settle-deliveries.ts';

/** A delivery leased to this process and waiting for, or in, its attempt. */
export type Work = ClaimedDelivery;

export interface DispatchLimits {
  /** Deliveries in memory, waiting, under way and not yet settled. */
  heldMax: number;
  heldBytesMax: number;
  /** The same for one endpoint, while memory is at most half full, and beyond. */
  heldPerEndpointMax: number;
  heldPerEndpointWhenShortMax: number;
  inFlightMax: number;
  inFlightPerEndpointMax: number;
}

export const defaultDispatchLimits: DispatchLimits = {
  heldMax: 10_000,
  heldBytesMax: 64 * 1024 * 1024,
  heldPerEndpointMax: 1_000,
  heldPerEndpointWhenShortMax: 20,
  inFlightMax: 1_000,
  inFlightPerEndpointMax: 10,
};

interface Lane {
  endpointId: string;
  /** Reserved, waiting, in flight and unsettled. */
  heldCount: number;
  inFlightCount: number;
  queue: Work[];
  /** Index of the next work in `queue`: shifting a long array would copy it. */
  next: number;
  ready: boolean;
}

export interface Dispatcher {
  /** Reserves room; false when the delivery must stay in the database. */
  reserve(endpointId: string, bytes: number): boolean;
  unreserve(endpointId: string, bytes: number): void;
  /** Takes a delivery whose room is reserved. */
  dispatch(work: Work): void;
  /** Takes a delivery that was claimed from the database, within `claimRoom`. */
  take(work: Work): void;
  /** The work is settled, or given up: its room is free again. */
  finish(work: Work): void;
  /** How many deliveries a claim may add. */
  claimRoom(): number;
  fullEndpoints(): string[];
  holds(lease: Lease): boolean;
  /** Starts what may start; called when the lease is fresh again. */
  pump(): void;
  /** Takes back what has not started. */
  removeWaiting(): Work[];
  /** Resolves when nothing is in flight. */
  idle(): Promise<void>;
  counts(): { held: number; inFlight: number; bytes: number };
}

const workKey = (lease: Lease) =>
  `${lease.messageId} ${lease.endpointId} ${lease.leaseOwner} ${lease.leaseSeq}`;
const workBytes = (work: Work) => work.payload?.length ?? 0;

/** `start` makes the attempt and never rejects; `mayStart` is false while this process cannot be sure of its leases. */
export function createDispatcher(
  limits: DispatchLimits,
  hooks: { start(work: Work): Promise<void>; mayStart(): boolean },
): Dispatcher {
  const lanes = new Map<string, Lane>();
  const held = new Map<string, Work>();
  let ready: Lane[] = [];
  let heldCount = 0;
  let heldBytes = 0;
  let inFlightCount = 0;
  let onIdle: (() => void)[] = [];

  const laneOf = (endpointId: string): Lane => {
    let lane = lanes.get(endpointId);
    if (!lane) {
      lane = { endpointId, heldCount: 0, inFlightCount: 0, queue: [], next: 0, ready: false };
      lanes.set(endpointId, lane);
    }
    return lane;
  };

  const laneMax = () =>
    heldCount < limits.heldMax / 2 ? limits.heldPerEndpointMax : limits.heldPerEndpointWhenShortMax;
  const isFull = (lane: Lane) => lane.heldCount >= laneMax();

  const hold = (lane: Lane, bytes: number) => {
    lane.heldCount += 1;
    heldCount += 1;
    heldBytes += bytes;
  };

  const unhold = (endpointId: string, bytes: number) => {
    const lane = laneOf(endpointId);
    lane.heldCount -= 1;
    heldCount -= 1;
    heldBytes -= bytes;
    if (lane.heldCount === 0) lanes.delete(endpointId);
  };

  const waitingCount = (lane: Lane) => lane.queue.length - lane.next;

  const markReady = (lane: Lane) => {
    if (lane.ready || waitingCount(lane) === 0 || lane.inFlightCount >= limits.inFlightPerEndpointMax) return;
    lane.ready = true;
    ready.push(lane);
  };

  const takeNext = (lane: Lane): Work | undefined => {
    const work = lane.queue[lane.next];
    lane.next += 1;
    if (lane.next === lane.queue.length) {
      lane.queue = [];
      lane.next = 0;
    }
    return work;
  };

  const ended = (lane: Lane) => {
    lane.inFlightCount -= 1;
    inFlightCount -= 1;
    markReady(lane);
    pump();
    if (inFlightCount > 0) return;
    for (const resolve of onIdle) resolve();
    onIdle = [];
  };

  const startNext = (lane: Lane) => {
    const work = takeNext(lane);
    if (!work) return;
    lane.inFlightCount += 1;
    inFlightCount += 1;
    const end = () => ended(lane);
    hooks.start(work).then(end, end);
  };

  // Lanes take turns, one start each: a long lane does not go before a short one.
  const pump = () => {
    let turn = 0;
    while (turn < ready.length && inFlightCount < limits.inFlightMax && hooks.mayStart()) {
      const lane = ready[turn];
      turn += 1;
      if (!lane) continue;
      lane.ready = false;
      startNext(lane);
      markReady(lane);
    }
    if (turn > 0) ready = ready.slice(turn);
  };

  const enqueue = (work: Work) => {
    held.set(workKey(work), work);
    const lane = laneOf(work.endpointId);
    lane.queue.push(work);
    markReady(lane);
    pump();
  };

  return {
    reserve(endpointId, bytes) {
      if (heldCount >= limits.heldMax || heldBytes + bytes > limits.heldBytesMax) return false;
      const lane = lanes.get(endpointId);
      if (lane && isFull(lane)) return false;
      hold(lane ?? laneOf(endpointId), bytes);
      return true;
    },
    unreserve: unhold,
    dispatch: enqueue,
    take(work) {
      hold(laneOf(work.endpointId), workBytes(work));
      enqueue(work);
    },
    finish(work) {
      if (held.delete(workKey(work))) unhold(work.endpointId, workBytes(work));
    },
    claimRoom: () => (heldBytes >= limits.heldBytesMax ? 0 : Math.max(0, limits.heldMax - heldCount)),
    fullEndpoints: () => [...lanes.values()].filter(isFull).map((lane) => lane.endpointId),
    holds: (lease) => held.has(workKey(lease)),
    pump,
    removeWaiting() {
      const removed: Work[] = [];
      for (const lane of lanes.values()) {
        removed.push(...lane.queue.slice(lane.next));
        lane.queue = [];
        lane.next = 0;
        lane.ready = false;
      }
      ready = [];
      return removed;
    },
    idle: () => (inFlightCount === 0 ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve))),
    counts: () => ({ held: heldCount, inFlight: inFlightCount, bytes: heldBytes }),
  };
}
