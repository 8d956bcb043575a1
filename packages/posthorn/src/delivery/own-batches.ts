// Batches of one application alone: one after the other, in the order of arrival, and nobody else waits for them.
import { type Batcher, type BatcherOptions, createBatcher } from '../lib/batcher.ts';

// Statements at a time that may meet a locked row again: the other connections are for all that meet none.
const againInFlightMax = 3;

export type OwnBatchOptions<T> = Pick<BatcherOptions<T>, 'itemsMax' | 'weigh' | 'weightMax' | 'run'>;

export class OwnBatches<T> {
  readonly #options: OwnBatchOptions<T>;
  readonly #batchers = new Map<string, Batcher<T>>();
  /** Applications whose last statement was given up for a row that somebody has locked. */
  readonly #locked = new Set<string>();
  readonly #again: Batcher<() => Promise<void>>;

  constructor(options: OwnBatchOptions<T>) {
    this.#options = options;
    this.#again = createBatcher({
      itemsMax: 1,
      concurrencyMax: againInFlightMax,
      run: async (tries) => {
        for (const next of tries) await next();
      },
    });
  }

  /** Something of this application waits, or is being stored. */
  has(applicationId: string): boolean {
    return this.#batchers.has(applicationId);
  }

  add(applicationId: string, item: T): void {
    this.#of(applicationId).add(item);
  }

  /** The statement that it was in has been given up. */
  addLocked(applicationId: string, item: T): void {
    this.#locked.add(applicationId);
    this.add(applicationId, item);
  }

  /** Runs a statement of one application; in turn with others, when its last one was given up. */
  async try<R extends { locked: readonly unknown[] }>(
    applicationId: string,
    run: () => Promise<R>,
  ): Promise<R> {
    const result = await (this.#locked.has(applicationId) ? this.#inTurn(run) : run());
    if (result.locked.length > 0) this.#locked.add(applicationId);
    else this.#locked.delete(applicationId);
    return result;
  }

  #inTurn<R>(run: () => Promise<R>): Promise<R> {
    return new Promise((resolve, reject) => this.#again.add(() => run().then(resolve, reject)));
  }

  /** Takes out those that wait and are to leave. */
  remove(isLeaving: (item: T) => boolean): T[] {
    return [...this.#batchers.values()].flatMap((batcher) => batcher.remove(isLeaving));
  }

  async drain(): Promise<void> {
    await Promise.all([...this.#batchers.values()].map((batcher) => batcher.drain()));
  }

  #of(applicationId: string): Batcher<T> {
    const known = this.#batchers.get(applicationId);
    if (known) return known;
    const onIdle = () => {
      this.#batchers.delete(applicationId);
      this.#locked.delete(applicationId);
    };
    const batcher = createBatcher<T>({ ...this.#options, concurrencyMax: 1, onIdle });
    this.#batchers.set(applicationId, batcher);
    return batcher;
  }
}
