// Deliveries in memory: one lane per endpoint, so that a hanging endpoint costs its own slots and nobody else's.
import {
  afterAttempt,
  defaultGateLimits,
  type Gate,
  type GateLimits,
  type GateSignal,
  isPristine,
  newGate,
  slotsOf,
} from '../core/endpoint-gate.ts';
import { BoundedMap } from '../lib/bounded-map.ts';
import { systemClock } from '../lib/clock.ts';
import type { Clock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import { SharedBytes } from '../lib/shared-bytes.ts';
import { type Lease, leaseKey } from '../store/leases.ts';
import { Answering } from './answering.ts';
import {
  claimedMaxOfOne,
  claimedShare,
  type DispatchLimits,
  heldMaxOfOne,
  inFlightMaxOfOne,
  isShort,
  orderedShare,
  unrespondingShare,
} from './dispatch-limits.ts';
import { type DispatchHooks, type Work, workBytes } from './dispatch-hooks.ts';
import { isStuck, type Lane, newLane, noteAnswer, takeWaiting } from './lane.ts';
import { LimitLines } from './limit-lines.ts';
import { StartLines } from './start-lines.ts';

// A lane that is closed for longer gives its waiting deliveries back: others may need the memory.
const giveBackAfterMs = 1_000;

// A lane that was full is claimed for when it is half empty, and so long after a place became free at the latest: longer
// than a breaker takes to close, or all that time out together are claimed for a moment before (0034).
const refilledAfterMs = 5_000;

// Endpoints that were deleted, or whose time is over, never say that they are well again.
const gatesMax = 50_000;
// As many as a claim looks at.
const endedTakenMax = 50;

export class Dispatcher {
  readonly #limits: DispatchLimits;
  readonly #gateLimits: GateLimits;
  readonly #hooks: DispatchHooks;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #lanes = new Map<string, Lane>();
  /** Of endpoints that are not in perfect health. One that is forgotten is found out about anew. */
  readonly #gates = new BoundedMap<string, Gate>(gatesMax);
  readonly #held = new Map<string, Work>();
  /** Those of #held that came out of the database. */
  readonly #claimed = new Set<Work>();
  readonly answering = new Answering();
  readonly #lines: StartLines;
  readonly #limitLines = new LimitLines<Lane>(
    (lane) => this.#lineUpAgain(lane),
    () => this.pump(),
  );
  /** Endpoints whose deliveries in order have all ended since somebody asked. */
  readonly #ended = new Set<string>();
  /** Of what is held, by application. */
  readonly #heldBytes: SharedBytes;
  /** Of #claimed, by application. */
  readonly #claimedBytes: SharedBytes;
  #heldCount = 0;
  #inFlightCount = 0;
  #onIdle: (() => void)[] = [];

  constructor(
    limits: DispatchLimits,
    hooks: DispatchHooks,
    system = { clock: systemClock, random: systemRandom },
  ) {
    this.#limits = limits;
    this.#lines = new StartLines(limits.inFlightMax * unrespondingShare);
    this.#heldBytes = new SharedBytes(limits.heldBytesMax);
    this.#claimedBytes = new SharedBytes(limits.heldBytesMax * claimedShare);
    this.#gateLimits = { ...defaultGateLimits, inFlightMax: limits.inFlightPerEndpointMax };
    this.#hooks = hooks;
    this.#clock = system.clock;
    this.#random = system.random;
  }

  /** Reserves room; false when the delivery must stay in the database. */
  reserve(endpointId: string, applicationId: string, bytes: number): boolean {
    const hasRoom =
      this.#heldCount < this.#limits.heldMax &&
      this.#heldBytes.hasRoom(applicationId, bytes) &&
      !this.#isFull(endpointId, this.#lanes.get(endpointId));
    if (hasRoom) this.#hold(endpointId, applicationId, bytes);
    else if (this.#answers(endpointId)) this.answering.noteOverflow(endpointId);
    return hasRoom;
  }

  unreserve(endpointId: string, applicationId: string, bytes: number): void {
    const lane = this.#lane(endpointId, applicationId);
    lane.heldCount -= 1;
    this.#heldCount -= 1;
    this.#heldBytes.remove(applicationId, bytes);
    if (lane.heldCount === 0) {
      this.#lanes.delete(endpointId);
      this.answering.note(endpointId, lane.answers);
    }
    if (!lane.wasFull) return;
    lane.freedAtMs = Math.min(lane.freedAtMs, this.#clock.monotonicMs());
    if (this.#isHalfFull(endpointId, lane)) return;
    lane.wasFull = false;
    this.#hooks.onRoom?.();
  }

  /** Takes a delivery whose room is reserved. */
  dispatch(work: Work): void {
    this.#held.set(leaseKey(work), work);
    const lane = this.#lane(work.endpointId, work.applicationId);
    if (work.ordering && !this.#claimed.has(work)) lane.orderedCount += 1;
    lane.waiting.push(work);
    this.#lineUp(lane);
    this.pump();
  }

  /** Makes room for a delivery that was claimed from the database, within `claimRoom`: `dispatch` follows. */
  expect(work: Work): void {
    this.#hold(work.endpointId, work.applicationId, workBytes(work));
    if (work.ordering) this.#lane(work.endpointId, work.applicationId).orderedCount += 1;
    this.#claimed.add(work);
    this.#claimedBytes.add(work.applicationId, workBytes(work));
    this.#held.set(leaseKey(work), work);
  }

  /** The work is settled, or given up: its room is free again. */
  finish(work: Work): void {
    if (!this.#held.delete(leaseKey(work))) return;
    if (this.#claimed.delete(work)) this.#claimedBytes.remove(work.applicationId, workBytes(work));
    const lane = this.#lane(work.endpointId, work.applicationId);
    if (work.ordering) lane.orderedCount -= 1;
    this.unreserve(work.endpointId, work.applicationId, workBytes(work));
    if (!work.ordering || lane.orderedCount > 0) return;
    this.#ended.add(work.endpointId);
    this.#hooks.onRoom?.();
  }

  /** Takes back what waits for this endpoint. */
  removeWaitingOf(endpointId: string): Work[] {
    const lane = this.#lanes.get(endpointId);
    return lane ? lane.waiting.takeAll() : [];
  }

  /** Endpoints whose order was at its end here, since this was asked. */
  takeEnded(): string[] {
    const ended = [...this.#ended].slice(0, endedTakenMax);
    for (const endpointId of ended) this.#ended.delete(endpointId);
    return ended;
  }

  /** Endpoints that answer, have room here, and may have left something in the database, since this was asked. */
  takeOverflowed(): string[] {
    return this.answering.takeOverflowed((endpointId) => {
      if (!this.#answers(endpointId)) return undefined;
      const lane = this.#lanes.get(endpointId);
      const room = this.#heldMaxOf(endpointId) - (lane?.heldCount ?? 0);
      return !this.#isFull(endpointId, lane) && room >= this.#limits.heldPerEndpointWhenShortMax;
    });
  }

  /** What an attempt told about its endpoint's health. */
  report(endpointId: string, signal: GateSignal): void {
    const lane = this.#lanes.get(endpointId);
    const nowMs = this.#clock.monotonicMs();
    if (lane && noteAnswer(lane, signal, nowMs)) this.#lines.change(lane);
    const gate = this.#gates.get(endpointId);
    if (!gate && signal.outcome.kind === 'accepted') return;
    const before = gate ?? newGate(this.#gateLimits);
    const after = afterAttempt(before, signal, this.#gateLimits, { nowMs, random: this.#random });
    if (isPristine(after, this.#gateLimits)) this.#gates.delete(endpointId);
    else this.#gates.set(endpointId, after);
    if (after.closedUntilMs > Math.max(nowMs, before.closedUntilMs))
      this.#close(endpointId, after.closedUntilMs - nowMs);
    else if (lane && slotsOf(after, nowMs) <= 1 && isShort(this.#limits, this.#heldCount))
      this.#clear(lane, 0);
  }

  /** How much content a claim may add. */
  bytesRoom(): number {
    return Math.min(this.#heldBytes.free(), this.#claimedBytes.free());
  }

  /** How many deliveries a claim may add. */
  claimRoom(): number {
    if (this.bytesRoom() === 0) return 0;
    const { heldMax } = this.#limits;
    return Math.max(0, Math.min(heldMax - this.#heldCount, heldMax * claimedShare - this.#claimed.size));
  }

  /** The same, and bytes, for what comes out of orders: until memory, or its share of what is claimed, is half full. */
  orderedRoom(): { rows: number; bytes: number } {
    const { heldMax, heldBytesMax } = this.#limits;
    const share = claimedShare * orderedShare;
    const rows = Math.min(heldMax / 2 - this.#heldCount, heldMax * share - this.#claimed.size);
    const bytes = Math.min(
      heldBytesMax / 2 - this.#heldBytes.total,
      heldBytesMax * share - this.#claimedBytes.total,
    );
    return { rows: Math.max(0, rows), bytes: Math.max(0, bytes) };
  }

  /** Endpoints that have as much in memory as they may have, or that take nothing now. */
  fullEndpoints(): string[] {
    const full: string[] = [];
    const nowMs = this.#clock.monotonicMs();
    for (const [endpointId, lane] of this.#lanes) {
      const isFull = this.#isFull(endpointId, lane) || this.#hasClaimed(lane);
      lane.freedAtMs = isFull ? Infinity : Math.min(lane.freedAtMs, nowMs);
      // Not at once again when a place is free: a claim for one row costs as much as one for many. But soon: it may never
      // be half empty, where what is accepted takes each place that becomes free.
      const waits = lane.wasFull && nowMs - lane.freedAtMs < refilledAfterMs;
      lane.wasFull = isFull || (waits && this.#hasHalf(endpointId, lane));
      if (lane.wasFull) full.push(endpointId);
    }
    for (const endpointId of this.#gates.keys()) {
      if (!this.#lanes.has(endpointId) && this.#isFull(endpointId, undefined)) full.push(endpointId);
    }
    return full;
  }

  holds(lease: Lease): boolean {
    return this.#held.has(leaseKey(lease));
  }

  /** Starts what may start. */
  pump(): void {
    while (this.#inFlightCount < this.#limits.inFlightMax && this.#hooks.mayStart()) {
      const lane = this.#lines.take();
      if (!lane) return;
      this.#startNext(lane);
    }
  }

  /** Takes back what has not started. */
  removeWaiting(): Work[] {
    this.#lines.clear();
    this.#limitLines.clear();
    return [...this.#lanes.values()].flatMap((lane) => takeWaiting(lane));
  }

  /** Resolves when nothing is in flight. */
  idle(): Promise<void> {
    if (this.#inFlightCount === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  counts(): { held: number; inFlight: number; bytes: number } {
    return { held: this.#heldCount, inFlight: this.#inFlightCount, bytes: this.#heldBytes.total };
  }

  #lane(endpointId: string, applicationId: string): Lane {
    let lane = this.#lanes.get(endpointId);
    if (!lane) {
      const answers = this.answering.has(endpointId);
      lane = newLane(endpointId, applicationId, { answers, nowMs: this.#clock.monotonicMs() });
      this.#lanes.set(endpointId, lane);
    }
    return lane;
  }

  #hold(endpointId: string, applicationId: string, bytes: number): void {
    this.#lane(endpointId, applicationId).heldCount += 1;
    this.#heldCount += 1;
    this.#heldBytes.add(applicationId, bytes);
  }

  #answers(endpointId: string): boolean {
    return this.#lanes.get(endpointId)?.answers ?? this.answering.has(endpointId);
  }

  #slots(endpointId: string): number {
    const gate = this.#gates.get(endpointId);
    return gate ? slotsOf(gate, this.#clock.monotonicMs()) : this.#gateLimits.inFlightMax;
  }

  /** An endpoint on probation gets one delivery at a time, and one that is closed none. */
  #heldMaxOf(endpointId: string): number {
    const slots = this.#slots(endpointId);
    if (slots <= 1) return slots;
    const lane = this.#lanes.get(endpointId);
    if (lane && isStuck(lane, this.#inFlightMaxOf(lane), this.#clock.monotonicMs()))
      return this.#limits.heldPerEndpointWhenShortMax;
    return heldMaxOfOne(this.#limits, this.#heldCount, lane?.answers === true);
  }

  #isFull(endpointId: string, lane: Lane | undefined): boolean {
    // Nor is anything claimed for an application that has more than its share of memory.
    if (lane && (lane.orderedCount > 0 || this.#heldBytes.hasOver(lane.applicationId, 1))) return true;
    return (lane?.heldCount ?? 0) >= this.#heldMaxOf(endpointId);
  }

  /** Whether the lane, or its application, has its part of what may be claimed. */
  #hasClaimed(lane: Lane): boolean {
    if (this.#claimedBytes.hasOver(lane.applicationId, 1)) return true;
    return lane.heldCount >= this.#claimedMaxOf(lane);
  }

  #claimedMaxOf({ answers }: Lane): number {
    return claimedMaxOfOne(this.#limits, this.#claimed.size, answers);
  }

  #isHalfFull(endpointId: string, lane: Lane): boolean {
    const { applicationId } = lane;
    const isOver = [this.#heldBytes, this.#claimedBytes].some((bytes) => bytes.hasOver(applicationId, 1 / 2));
    return isOver || this.#hasHalf(endpointId, lane);
  }

  #hasHalf(endpointId: string, lane: Lane): boolean {
    return lane.heldCount > Math.min(this.#heldMaxOf(endpointId), this.#claimedMaxOf(lane)) / 2;
  }

  /** How many attempts of the lane may be under way. A thousand endpoints that hang must not take all there is. */
  #inFlightMaxOf(lane: Lane): number {
    const slots = Math.min(this.#slots(lane.endpointId), lane.orderedCount > 0 ? 1 : Infinity);
    const counts = { inFlight: this.#inFlightCount, unresponding: this.#lines.othersInFlight() };
    return Math.min(slots, inFlightMaxOfOne(this.#limits, counts, lane.answers));
  }

  #lineUp(lane: Lane): void {
    if (lane.ready || lane.waiting.length === 0) return;
    if (lane.inFlightCount >= this.#inFlightMaxOf(lane)) return;
    lane.ready = true;
    this.#lines.add(lane);
  }

  #startNext(lane: Lane): void {
    lane.ready = false;
    const work = lane.waiting.peek();
    // Its health may have changed while it stood in line. Whoever frees a slot, or opens it again, lines it up anew.
    if (!work || lane.inFlightCount >= this.#inFlightMaxOf(lane)) return this.#limitLines.leave(lane);
    const wait = this.#hooks.throttle?.(work);
    if (wait) {
      lane.ready = true;
      return this.#limitLines.wait(lane, wait);
    }
    this.#limitLines.leave(lane);
    lane.waiting.shift();
    lane.inFlightCount += 1;
    this.#inFlightCount += 1;
    const ended = this.#lines.begun(lane);
    const end = () => this.#free(lane, ended);
    this.#hooks.start(work).then(end, end);
    this.#lineUp(lane);
  }

  /** False when it has nothing to start now: whoever frees a slot lines it up anew. */
  #lineUpAgain(lane: Lane): boolean {
    lane.ready = false;
    this.#lineUp(lane);
    return lane.ready;
  }

  #free(lane: Lane, ended: () => void): void {
    ended();
    lane.inFlightCount -= 1;
    this.#inFlightCount -= 1;
    this.#lineUp(lane);
    this.pump();
    if (this.#inFlightCount > 0) return;
    for (const resolve of this.#onIdle) resolve();
    this.#onIdle = [];
  }

  #close(endpointId: string, closedMs: number): void {
    const lane = this.#lanes.get(endpointId);
    if (lane && closedMs > giveBackAfterMs) this.#clear(lane, closedMs);
    this.#reopenIn(endpointId, closedMs);
  }

  #clear(lane: Lane, forMs: number): void {
    const waiting = takeWaiting(lane);
    if (waiting.length > 0) this.#hooks.onClosed?.(waiting, forMs);
  }

  /** A timer can fire a little early: the gate's own time decides, or the lane would wait for ever. */
  #reopenIn(endpointId: string, delayMs: number): void {
    const timer = setTimeout(() => {
      const gate = this.#gates.get(endpointId);
      const leftMs = gate ? gate.closedUntilMs - this.#clock.monotonicMs() : 0;
      if (leftMs > 0) return this.#reopenIn(endpointId, leftMs);
      const lane = this.#lanes.get(endpointId);
      if (lane) this.#lineUp(lane);
      this.pump();
      this.#hooks.onRoom?.();
    }, Math.ceil(delayMs));
    timer.unref();
  }
}
