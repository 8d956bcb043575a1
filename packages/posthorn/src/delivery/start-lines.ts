// Who starts next. Endpoints that respond and the others stand in two lines, which have their turns; the others never
// have all that may be under way. A thousand endpoints that hang, of a thousand applications, would leave one start in a
// thousand to one that answers at once.
import type { Lane } from './lane.ts';
import { Turns } from './turns.ts';

export class StartLines {
  readonly #responding = new Turns<Lane>();
  readonly #others = new Turns<Lane>();
  /** Those of #others that have not changed over meanwhile. */
  readonly #inOthers = new Set<Lane>();
  readonly #othersMax: number;
  #othersCount = 0;
  #othersNext = false;

  /** `othersMax`: attempts under way at endpoints that do not respond, or of which nothing is known. */
  constructor(othersMax: number) {
    this.#othersMax = othersMax;
  }

  add(lane: Lane): void {
    if (lane.responds) return this.#responding.add(lane);
    this.#inOthers.add(lane);
    this.#others.add(lane);
  }

  /** It responds, and did not when it was added. */
  change(lane: Lane): void {
    if (this.#inOthers.delete(lane)) this.#responding.add(lane);
  }

  /** Takes the lane whose turn it is out of its line; undefined when nobody may start. */
  take(): Lane | undefined {
    const mayOthers = this.#othersCount < this.#othersMax;
    this.#othersNext = !this.#othersNext;
    if (!mayOthers) return this.#responding.take();
    if (this.#othersNext) return this.#takeOther() ?? this.#responding.take();
    return this.#responding.take() ?? this.#takeOther();
  }

  #takeOther(): Lane | undefined {
    let lane = this.#others.take();
    while (lane && !this.#inOthers.delete(lane)) lane = this.#others.take();
    return lane;
  }

  /** How many attempts are under way at endpoints that did not respond when they began. */
  othersInFlight(): number {
    return this.#othersCount;
  }

  /** An attempt of the lane has begun; to be called when it has ended. */
  begun({ responds }: Lane): () => void {
    if (responds) return () => {};
    this.#othersCount += 1;
    return () => {
      this.#othersCount -= 1;
    };
  }

  clear(): void {
    this.#responding.clear();
    this.#others.clear();
    this.#inOthers.clear();
  }
}
