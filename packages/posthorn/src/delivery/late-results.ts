// Results that PostgreSQL gave up on: somebody else has a row locked that one of them needs, or the disk is slow. They
// leave the way of all others and are halved, until what holds them up stands alone. That waits, with what else comes of
// its endpoint, and is tried again and again.
//
//   a batch given up -> parts -> halves -> ... -> written
//                                          alone -> held by endpoint -> written
import { setTimeout as pause } from 'node:timers/promises';
import { type Batcher, createBatcher } from '../lib/batcher.ts';
import type { Log } from '../lib/log.ts';
import type { Finished } from './attempt.ts';

const heldEveryMs = 250;
const heldBatchMax = 500;

export interface LateResultsDeps {
  /** Resolves with what was given up again; what it wrote, or dropped, has ended. */
  write(batch: Finished[]): Promise<Finished[]>;
  log: Log;
}

/** Those of one endpoint, the next to be tried first. */
interface Held {
  results: Finished[];
  /** Halved by each try that is given up: one of them that cannot be written does not hold up the others for long. */
  takeMax: number;
}

export class LateResults {
  readonly #deps: LateResultsDeps;
  readonly #parts: Batcher<Finished[]>;
  readonly #held = new Map<string, Held>();
  #trying: Promise<void> | undefined;

  constructor(deps: LateResultsDeps) {
    this.#deps = deps;
    const tryAll = async (parts: Finished[][]) => {
      for (const part of parts) await this.#tryPart(part);
    };
    // One at a time, beside the batches of all others.
    this.#parts = createBatcher({ itemsMax: 1, concurrencyMax: 1, run: tryAll });
  }

  /** Whether others of its endpoint wait here: it would be given up like them. */
  holds({ work }: Finished): boolean {
    return this.#held.has(work.endpointId);
  }

  add(late: Finished[]): void {
    const [first] = late;
    if (!first) return;
    const held = late.length === 1 ? this.#held.get(first.work.endpointId) : undefined;
    if (held) held.results.push(first);
    else this.#parts.add(late);
  }

  async drain(): Promise<void> {
    await this.#parts.drain();
    await this.#trying;
  }

  async #tryPart(part: Finished[]): Promise<void> {
    const free: Finished[] = [];
    for (const finished of part) {
      const held = this.#held.get(finished.work.endpointId);
      (held?.results ?? free).push(finished);
    }
    if (free.length === 0) return;
    const left = await this.#deps.write(free);
    const [first, ...others] = left;
    if (!first) return;
    if (others.length === 0) return this.#hold(first);
    for (const half of splitOf(left)) this.#parts.add(half);
  }

  #hold(finished: Finished): void {
    const { endpointId } = finished.work;
    this.#deps.log.warn({ endpointId }, 'results of an endpoint cannot be written yet');
    this.#held.set(endpointId, { results: [finished], takeMax: heldBatchMax });
    this.#trying ??= this.#tryHeld();
  }

  async #tryHeld(): Promise<void> {
    while (this.#held.size > 0) {
      await pause(heldEveryMs);
      for (const [endpointId, held] of this.#held) {
        await this.#tryNext(held);
        if (held.results.length === 0) this.#held.delete(endpointId);
      }
    }
    this.#trying = undefined;
  }

  async #tryNext(held: Held): Promise<void> {
    const batch = held.results.splice(0, held.takeMax);
    const left = await this.#deps.write(batch);
    held.results.push(...left);
    held.takeMax =
      left.length > 0 ? Math.max(1, batch.length >> 1) : Math.min(heldBatchMax, held.takeMax * 2);
  }
}

/** Those that need more rows than their own apart from the others; otherwise halves, endpoints kept together. */
function splitOf(late: readonly Finished[]): Finished[][] {
  const again = late.filter(({ settled }) => settled.transition.state === 'retrying' || settled.turn);
  if (again.length > 0 && again.length < late.length) {
    const isAgain = new Set(again);
    return [late.filter((finished) => !isAgain.has(finished)), again];
  }
  const byEndpoint = late.toSorted((a, b) => (a.work.endpointId < b.work.endpointId ? -1 : 1));
  const half = byEndpoint.length >> 1;
  return [byEndpoint.slice(0, half), byEndpoint.slice(half)];
}
