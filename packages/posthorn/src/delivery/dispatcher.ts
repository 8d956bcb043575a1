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

export interface DispatchHooks {
  /** Makes the attempt; resolves when its slot is free again. Must not reject. */
  start(work: Work): Promise<void>;
  /** False while this process cannot be sure of its leases. */
  mayStart(): boolean;
}

interface Lane {
  endpointId: string;
  /** Reserved, waiting, in flight and unsettled. */
  heldCount: number;
  inFlightCount: number;
  queue: Work[];
  /** Index of the next work in `queue`: shifting a long array would copy it. */
  next: number;
  /** Stands in the line of lanes that may start something. */
  ready: boolean;
}

const workKey = (lease: Lease) =>
  `${lease.messageId} ${lease.endpointId} ${lease.leaseOwner} ${lease.leaseSeq}`;
const workBytes = (work: Work) => work.payload?.length ?? 0;
const waitingCount = (lane: Lane) => lane.queue.length - lane.next;

export class Dispatcher {
  readonly #limits: DispatchLimits;
  readonly #hooks: DispatchHooks;
  readonly #lanes = new Map<string, Lane>();
  readonly #held = new Map<string, Work>();
  #ready: Lane[] = [];
  #heldCount = 0;
  #heldBytes = 0;
  #inFlightCount = 0;
  #onIdle: (() => void)[] = [];

  constructor(limits: DispatchLimits, hooks: DispatchHooks) {
    this.#limits = limits;
    this.#hooks = hooks;
  }

  /** Reserves room; false when the delivery must stay in the database. */
  reserve(endpointId: string, bytes: number): boolean {
    if (this.#heldCount >= this.#limits.heldMax) return false;
    if (this.#heldBytes + bytes > this.#limits.heldBytesMax) return false;
    const lane = this.#lanes.get(endpointId);
    if (lane && this.#isFull(lane)) return false;
    this.#hold(endpointId, bytes);
    return true;
  }

  unreserve(endpointId: string, bytes: number): void {
    const lane = this.#lane(endpointId);
    lane.heldCount -= 1;
    this.#heldCount -= 1;
    this.#heldBytes -= bytes;
    if (lane.heldCount === 0) this.#lanes.delete(endpointId);
  }

  /** Takes a delivery whose room is reserved. */
  dispatch(work: Work): void {
    this.#held.set(workKey(work), work);
    const lane = this.#lane(work.endpointId);
    lane.queue.push(work);
    this.#lineUp(lane);
    this.pump();
  }

  /** Takes a delivery that was claimed from the database, within `claimRoom`. */
  take(work: Work): void {
    this.#hold(work.endpointId, workBytes(work));
    this.dispatch(work);
  }

  /** The work is settled, or given up: its room is free again. */
  finish(work: Work): void {
    if (this.#held.delete(workKey(work))) this.unreserve(work.endpointId, workBytes(work));
  }

  /** How many deliveries a claim may add. */
  claimRoom(): number {
    if (this.#heldBytes >= this.#limits.heldBytesMax) return 0;
    return Math.max(0, this.#limits.heldMax - this.#heldCount);
  }

  /** Endpoints that have as much in memory as they may have. */
  fullEndpoints(): string[] {
    return [...this.#lanes.values()].filter((lane) => this.#isFull(lane)).map((lane) => lane.endpointId);
  }

  holds(lease: Lease): boolean {
    return this.#held.has(workKey(lease));
  }

  /** Starts what may start. Lanes take turns, one start each: a long lane does not go before a short one. */
  pump(): void {
    let turn = 0;
    while (
      turn < this.#ready.length &&
      this.#inFlightCount < this.#limits.inFlightMax &&
      this.#hooks.mayStart()
    ) {
      const lane = this.#ready[turn];
      turn += 1;
      if (lane) this.#startNext(lane);
    }
    if (turn > 0) this.#ready = this.#ready.slice(turn);
  }

  /** Takes back what has not started. */
  removeWaiting(): Work[] {
    const removed: Work[] = [];
    for (const lane of this.#lanes.values()) {
      removed.push(...lane.queue.slice(lane.next));
      lane.queue = [];
      lane.next = 0;
      lane.ready = false;
    }
    this.#ready = [];
    return removed;
  }

  /** Resolves when nothing is in flight. */
  idle(): Promise<void> {
    if (this.#inFlightCount === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  counts(): { held: number; inFlight: number; bytes: number } {
    return { held: this.#heldCount, inFlight: this.#inFlightCount, bytes: this.#heldBytes };
  }

  #lane(endpointId: string): Lane {
    let lane = this.#lanes.get(endpointId);
    if (!lane) {
      lane = { endpointId, heldCount: 0, inFlightCount: 0, queue: [], next: 0, ready: false };
      this.#lanes.set(endpointId, lane);
    }
    return lane;
  }

  #hold(endpointId: string, bytes: number): void {
    this.#lane(endpointId).heldCount += 1;
    this.#heldCount += 1;
    this.#heldBytes += bytes;
  }

  #isFull(lane: Lane): boolean {
    const { heldMax, heldPerEndpointMax, heldPerEndpointWhenShortMax } = this.#limits;
    return (
      lane.heldCount >= (this.#heldCount < heldMax / 2 ? heldPerEndpointMax : heldPerEndpointWhenShortMax)
    );
  }

  #lineUp(lane: Lane): void {
    if (lane.ready || waitingCount(lane) === 0) return;
    if (lane.inFlightCount >= this.#limits.inFlightPerEndpointMax) return;
    lane.ready = true;
    this.#ready.push(lane);
  }

  #startNext(lane: Lane): void {
    lane.ready = false;
    const work = lane.queue[lane.next];
    if (!work) return;
    lane.next += 1;
    // What was started is let go of when it is half of the queue: a lane may never be empty.
    if (lane.next * 2 >= lane.queue.length) {
      lane.queue = lane.queue.slice(lane.next);
      lane.next = 0;
    }
    lane.inFlightCount += 1;
    this.#inFlightCount += 1;
    const end = () => this.#ended(lane);
    this.#hooks.start(work).then(end, end);
    this.#lineUp(lane);
  }

  #ended(lane: Lane): void {
    lane.inFlightCount -= 1;
    this.#inFlightCount -= 1;
    this.#lineUp(lane);
    this.pump();
    if (this.#inFlightCount > 0) return;
    for (const resolve of this.#onIdle) resolve();
    this.#onIdle = [];
  }
}
