// Lanes that wait for a start under a rate limit. Those that wait for the limit of their application stand in line, and
// only the first of them asks: if all asked whenever one start is free, a few would get nearly all, and thousands would
// take a processor.

/** For a start under a rate limit. */
export interface Wait {
  /** Until asking again is worth it; at least 1. */
  ms: number;
  /** For the limit of the application: its other endpoints wait, too. */
  isShared: boolean;
}

interface Line<Lane> {
  /** The first of them has been told to ask again when `timer` fires, or has its turn. */
  lanes: Set<Lane>;
  timer?: NodeJS.Timeout;
}

export class LimitLines<Lane extends { applicationId: string }> {
  readonly #lines = new Map<string, Line<Lane>>();
  readonly #ask: (lane: Lane) => boolean;
  readonly #onTime: () => void;

  /**
   * `ask`: puts the lane among those that may start something, where it asks, and then waits again or leaves; false when
   * it has nothing to start. `onTime`: somebody was put there without being asked for.
   */
  constructor(ask: (lane: Lane) => boolean, onTime: () => void) {
    this.#ask = ask;
    this.#onTime = onTime;
  }

  /** It asked, and is to ask again. */
  wait(lane: Lane, { ms, isShared }: Wait): void {
    if (isShared) return this.#standInLine(lane, ms);
    this.leave(lane);
    const timer = setTimeout(() => {
      this.#ask(lane);
      this.#onTime();
    }, ms);
    timer.unref();
  }

  /** It got its start, or waits for something else: the next one asks. */
  leave(lane: Lane): void {
    const line = this.#lines.get(lane.applicationId);
    if (!line) return;
    const wasFirst = firstOf(line) === lane;
    line.lanes.delete(lane);
    if (wasFirst) this.#askFirst(lane.applicationId);
  }

  /** Nobody waits any more. */
  clear(): void {
    for (const { timer } of this.#lines.values()) clearTimeout(timer);
    this.#lines.clear();
  }

  #standInLine(lane: Lane, delayMs: number): void {
    let line = this.#lines.get(lane.applicationId);
    if (!line) {
      line = { lanes: new Set() };
      this.#lines.set(lane.applicationId, line);
    }
    line.lanes.add(lane);
    if (firstOf(line) !== lane) return;
    clearTimeout(line.timer);
    line.timer = setTimeout(() => {
      this.#askFirst(lane.applicationId);
      this.#onTime();
    }, delayMs);
    line.timer.unref();
  }

  /** The first that still wants its turn has it. */
  #askFirst(applicationId: string): void {
    const line = this.#lines.get(applicationId);
    if (!line) return;
    clearTimeout(line.timer);
    for (const lane of line.lanes) {
      if (this.#ask(lane)) return;
      line.lanes.delete(lane);
    }
    this.#lines.delete(applicationId);
  }
}

function firstOf<Lane>({ lanes }: Line<Lane>): Lane | undefined {
  const first = lanes.values().next();
  return first.done === true ? undefined : first.value;
}
