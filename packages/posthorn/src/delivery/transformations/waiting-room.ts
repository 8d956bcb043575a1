// Transformations that wait for a worker: bounded for each application, and given out fairly.
import { FairShares } from './fair-shares.ts';

export interface Waiting {
  applicationId: string;
  endpointId: string;
}

export interface WaitingRoomLimits {
  perApplicationMax: number;
  /** Whoever took so long the last time is slow, until it does not any more. */
  slowFromMs: number;
}

interface Line<T> {
  byEndpoint: Map<string, Set<T>>;
  shares: FairShares;
  count: number;
}

const linesMax = 10_000;

export class WaitingRoom<T extends Waiting> {
  readonly #limits: WaitingRoomLimits;
  readonly #lines = new Map<string, Line<T>>();
  readonly #shares = new FairShares();
  readonly #slow = new Set<string>();

  constructor(limits: WaitingRoomLimits) {
    this.#limits = limits;
  }

  /** False when its application has too many waiting. */
  add(waiting: T): boolean {
    const line = this.#lineOf(waiting.applicationId);
    if (line.count >= this.#limits.perApplicationMax) return false;
    const own = line.byEndpoint.get(waiting.endpointId) ?? new Set();
    line.byEndpoint.set(waiting.endpointId, own.add(waiting));
    line.count += 1;
    return true;
  }

  remove(waiting: T): void {
    const line = this.#lines.get(waiting.applicationId);
    const own = line?.byEndpoint.get(waiting.endpointId);
    if (!line || !own?.delete(waiting)) return;
    line.count -= 1;
    if (own.size === 0) line.byEndpoint.delete(waiting.endpointId);
  }

  /** `mayBeSlow: false`: only of applications that have been quick. */
  take(mayBeSlow: boolean): T | undefined {
    const waiting = [...this.#lines].filter(
      ([id, { count }]) => count > 0 && (mayBeSlow || !this.isSlow(id)),
    );
    const applicationId = this.#shares.leastOf(waiting.map(([id]) => id));
    const line = applicationId === undefined ? undefined : this.#lines.get(applicationId);
    const endpointId = line?.shares.leastOf(line.byEndpoint.keys());
    const [first] = (endpointId === undefined ? undefined : line?.byEndpoint.get(endpointId)) ?? [];
    if (first) this.remove(first);
    return first;
  }

  isSlow(applicationId: string): boolean {
    return this.#slow.has(applicationId);
  }

  /** What one of them has used. */
  charge({ applicationId, endpointId }: Waiting, ms: number): void {
    this.#shares.charge(applicationId, ms);
    this.#lineOf(applicationId).shares.charge(endpointId, ms);
    if (ms >= this.#limits.slowFromMs) this.#slow.add(applicationId);
    else this.#slow.delete(applicationId);
  }

  /** Takes everything out. */
  takeAll(): T[] {
    const all = [...this.#lines.values()].flatMap(({ byEndpoint }) =>
      [...byEndpoint.values()].flatMap((set) => [...set]),
    );
    this.#lines.clear();
    return all;
  }

  #lineOf(applicationId: string): Line<T> {
    const known = this.#lines.get(applicationId);
    if (known) return known;
    if (this.#lines.size >= linesMax) this.#forget();
    const line = { byEndpoint: new Map(), shares: new FairShares(), count: 0 };
    this.#lines.set(applicationId, line);
    return line;
  }

  #forget(): void {
    for (const [id, { count }] of this.#lines) {
      if (count > 0) continue;
      this.#lines.delete(id);
      this.#slow.delete(id);
    }
  }
}
