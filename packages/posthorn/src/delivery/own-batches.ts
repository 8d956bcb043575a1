// Batches of one application alone: one after the other, in the order of arrival, and nobody else waits for them.
import { type Batcher, type BatcherOptions, createBatcher } from '../lib/batcher.ts';

export type OwnBatchOptions<T> = Pick<BatcherOptions<T>, 'itemsMax' | 'weigh' | 'weightMax' | 'run'>;

export class OwnBatches<T> {
  readonly #options: OwnBatchOptions<T>;
  readonly #batchers = new Map<string, Batcher<T>>();

  constructor(options: OwnBatchOptions<T>) {
    this.#options = options;
  }

  /** Something of this application waits, or is being stored. */
  has(applicationId: string): boolean {
    return this.#batchers.has(applicationId);
  }

  add(applicationId: string, item: T): void {
    this.#of(applicationId).add(item);
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
    const onIdle = () => this.#batchers.delete(applicationId);
    const batcher = createBatcher<T>({ ...this.#options, concurrencyMax: 1, onIdle });
    this.#batchers.set(applicationId, batcher);
    return batcher;
  }
}
