// Virtual time: one queue of events for everything that happens in a run, and the timers of Node in front of it.
//
// Each event belongs to an actor (a process of Posthorn, or the outside: database, receivers, senders). An actor that
// is dead loses its events; one that is frozen gets them when it thaws, in their order. Between two events all
// promises settle, so whatever a process does after an answer happens at the moment of that answer.
import { syncBuiltinESMExports } from 'node:module';
import promises from 'node:timers/promises';

const real = { setTimeout, clearTimeout, setImmediate, monotonicMs: performance.now.bind(performance) };
// 2026-01-01T00:00:00Z: where every run begins.
export const epochMs = 1_767_225_600_000;
const eventsPerTurn = 64;

export class Actor {
  readonly name: string;
  /** What its clocks show beside the true time. */
  readonly skewMs: number;
  readonly uptimeMs: number;
  alive = true;
  frozenUntilMs = 0;

  constructor(name: string, { skewMs = 0, uptimeMs = 0 } = {}) {
    this.name = name;
    this.skewMs = skewMs;
    this.uptimeMs = uptimeMs;
  }
}

export interface Scheduled {
  atMs: number;
  order: number;
  actor: Actor;
  run: (() => void) | undefined;
}

export class World {
  readonly outside = new Actor('outside');
  current = this.outside;
  nowMs = 0;
  eventCount = 0;
  /** What went wrong in a way that no invariant stands for: an unhandled rejection, a statement nobody modelled. */
  readonly errors: string[] = [];
  readonly #print: ((line: string) => void) | undefined;
  #heap: Scheduled[] = [];
  #order = 0;
  #hash = 0x811c9dc5;

  constructor(print?: (line: string) => void) {
    this.#print = print;
  }

  after(actor: Actor, delayMs: number, run: () => void): Scheduled {
    const event: Scheduled = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order, actor, run };
    this.#order += 1;
    push(this.#heap, event);
    return event;
  }

  trace(kind: string, detail: string): void {
    const line = `${this.nowMs.toFixed(3)} ${kind} ${detail}`;
    for (let i = 0; i < line.length; i += 1) {
      this.#hash = Math.imul(this.#hash ^ line.charCodeAt(i), 0x01000193);
    }
    this.#print?.(line);
  }

  hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  /** Runs events until `done` says so, looked at every `everyMs`, or the time is over. */
  async run(untilMs: number, done?: { everyMs: number; check(): boolean }): Promise<void> {
    let lookAtMs = this.nowMs;
    let turnCount = 0;
    for (;;) {
      const event = this.#heap[0];
      if (!event || event.atMs > untilMs || this.errors.length > 20) break;
      if (done && event.atMs >= lookAtMs) {
        if (done.check()) return;
        lookAtMs = event.atMs + done.everyMs;
      }
      pop(this.#heap);
      if (!this.#step(event)) continue;
      turnCount += 1;
      await (turnCount % eventsPerTurn === 0 ? nextTurn() : settled());
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  /** False when nothing was run. */
  #step(event: Scheduled): boolean {
    const { actor, run } = event;
    if (!run || !actor.alive) return false;
    if (event.atMs < actor.frozenUntilMs) {
      event.atMs = actor.frozenUntilMs;
      push(this.#heap, event);
      return false;
    }
    this.nowMs = Math.max(this.nowMs, event.atMs);
    this.eventCount += 1;
    this.current = actor;
    event.run = undefined;
    run();
    return true;
  }
}

const nextTurn = () => new Promise<void>((resolve) => void real.setImmediate(resolve));

/**
 * After every promise that can settle without a new event: Node calls it when no microtask is left, and goes on without
 * a turn of its own loop in between, which would cost more than most events.
 */
const settled = () => new Promise<void>((resolve) => process.nextTick(resolve));

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function push(heap: Scheduled[], event: Scheduled): void {
  let at = heap.length;
  heap.push(event);
  while (at > 0) {
    const parentAt = (at - 1) >> 1;
    const parent = heap[parentAt] as Scheduled;
    if (!isBefore(event, parent)) break;
    heap[at] = parent;
    at = parentAt;
  }
  heap[at] = event;
}

function pop(heap: Scheduled[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let childAt = 2 * at + 1;
    if (childAt >= heap.length) break;
    if (childAt + 1 < heap.length && isBefore(heap[childAt + 1] as Scheduled, heap[childAt] as Scheduled)) {
      childAt += 1;
    }
    const child = heap[childAt] as Scheduled;
    if (!isBefore(child, last)) break;
    heap[at] = child;
    at = childAt;
  }
  heap[at] = last;
}

let active: World | undefined;

/** The world that the timers and clocks of this process belong to from now on. */
export function enter(world: World | undefined): void {
  active = world;
}

class Timer {
  readonly #scheduled: Scheduled;
  constructor(scheduled: Scheduled) {
    this.#scheduled = scheduled;
  }
  cancel(): void {
    this.#scheduled.run = undefined;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

// As Node does: whole milliseconds, rounded down, and at least one. A timer can fire a fraction too early.
const timerDelay = (delayMs: unknown) => Math.max(1, Math.trunc(Number(delayMs) || 0));

function virtualTimeout(run: () => void, delayMs?: number): unknown {
  if (!active) return real.setTimeout(run, delayMs);
  return new Timer(active.after(active.current, timerDelay(delayMs), run));
}

function virtualPause<T>(delayMs?: number, value?: T, { signal }: { signal?: AbortSignal } = {}): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = virtualTimeout(() => resolve(value as T), delayMs);
    signal?.addEventListener('abort', () => {
      if (timer instanceof Timer) timer.cancel();
      reject(signal.reason as Error);
    });
  });
}

/**
 * Puts the virtual timers and clocks in the place of Node's, for this whole process: the product under test reads
 * time in several ways, and all of them must lead here. Called before anything of the product is loaded.
 */
export function replaceTime(): void {
  Object.assign(globalThis, {
    setTimeout: virtualTimeout,
    clearTimeout: (timer: unknown) =>
      timer instanceof Timer ? timer.cancel() : real.clearTimeout(timer as NodeJS.Timeout),
    setImmediate: (run: () => void) =>
      active ? new Timer(active.after(active.current, 0, run)) : real.setImmediate(run),
  });
  Date.now = () => epochMs + (active ? active.nowMs + active.current.skewMs : 0);
  performance.now = () => (active ? active.nowMs + active.current.uptimeMs : real.monotonicMs());
  Object.assign(promises, { setTimeout: virtualPause });
  syncBuiltinESMExports();
  process.on('unhandledRejection', (error) => {
    if (!active) throw error;
    active.errors.push(
      `an unhandled rejection: ${error instanceof Error ? (error.stack ?? '') : String(error)}`,
    );
  });
}

export const realNowMs = real.monotonicMs;
