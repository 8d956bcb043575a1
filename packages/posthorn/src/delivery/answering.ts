// Which endpoints answer, also while nothing of them is in memory, and which of those have left work in the database.
import { BoundedMap } from '../lib/bounded-map.ts';

// Whoever is forgotten is as one that was never heard of.
const endpointsMax = 50_000;
// As many as a claim takes.
const takenMax = 50;

export class Answering {
  readonly #known = new BoundedMap<string, true>(endpointsMax);
  readonly #overflowed = new BoundedMap<string, true>(endpointsMax);

  /** Its last attempt was accepted. */
  has(endpointId: string): boolean {
    return this.#known.has(endpointId);
  }

  /** What its last attempt came to, once nothing of it is in memory. */
  note(endpointId: string, answers: boolean): void {
    if (answers) this.#known.set(endpointId, true);
    else this.#known.delete(endpointId);
  }

  /** Something of it had to stay in the database. */
  noteOverflow(endpointId: string): void {
    this.#overflowed.set(endpointId, true);
  }

  /** Takes those of them that may have it now; `isReady` is undefined for one that does not answer any more. */
  takeOverflowed(isReady: (endpointId: string) => boolean | undefined): string[] {
    const taken: string[] = [];
    for (const endpointId of this.#overflowed.keys()) {
      if (taken.length === takenMax) break;
      const ready = isReady(endpointId);
      if (ready === false) continue;
      this.#overflowed.delete(endpointId);
      if (ready) taken.push(endpointId);
    }
    return taken;
  }
}
