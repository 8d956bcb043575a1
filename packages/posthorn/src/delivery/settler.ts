// Writes finished attempts in batches. While PostgreSQL is away it keeps them and tries again.
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { noteOf } from '../core/attempt-note.ts';
import { type Batcher, createBatcher } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { isWorthRepeating, wasGivenUp } from '../store/availability.ts';
import { type Settled, settleDeliveries } from '../store/settle-deliveries.ts';
import type { Finished } from './attempt.ts';
import { EndpointDisabler } from './endpoint-disabler.ts';
import { LateResults } from './late-results.ts';

const batchMax = 500;
const batchesInFlightMax = 2;
const batchBesideMin = 250;
// Nobody waits for it, but the slot in memory.
const lingerMs = 15;
const retryDelayMs = 250;
const refusedDetail = 'PostgreSQL did not take the rest of this record; the log says why.';

export interface SettlerDeps {
  pool: pg.Pool;
  clock: Clock;
  log: Log;
  /** How long an endpoint may only fail before it is disabled. */
  failingMaxMs: number;
  /** Somebody wants to be told of attempts that are out of the ordinary. */
  isOperationalInUse?(): boolean;
  /** Called once for each finished attempt, written or given up. */
  onEnd(finished: Finished): void;
  /** Called when it has been written. */
  onSettled(finished: Finished): void;
}

export class Settler {
  readonly #deps: SettlerDeps;
  readonly #batcher: Batcher<Finished>;
  readonly #late: LateResults;
  readonly #disabler: EndpointDisabler;
  readonly #following = new Set<Promise<void>>();
  #abandoned = false;

  constructor(deps: SettlerDeps) {
    this.#deps = deps;
    this.#late = new LateResults({ write: (batch) => this.#settle(batch, true), log: deps.log });
    this.#disabler = new EndpointDisabler(deps);
    this.#batcher = createBatcher({
      itemsMax: batchMax,
      concurrencyMax: batchesInFlightMax,
      crowdMin: batchBesideMin,
      lingerMs,
      run: async (batch) => this.#late.add(await this.#settle(batch)),
    });
  }

  add(finished: Finished): void {
    if (!finished.stored)
      return this.#late.holds(finished) ? this.#late.add([finished]) : this.#batcher.add(finished);
    const following = this.#follow(finished, finished.stored.failingEndpoints).finally(() =>
      this.#following.delete(following),
    );
    this.#following.add(following);
  }

  async drain(): Promise<void> {
    await Promise.all([this.#batcher.drain(), ...this.#following]);
    await this.#late.drain();
    await this.#disabler.drain();
  }

  /** Gives up on what PostgreSQL does not take: the leases expire, and someone else sends again. */
  abandon(): void {
    this.#abandoned = true;
  }

  /** Resolves with what is not written because PostgreSQL gave it up; everything else has ended. */
  async #settle(batch: Finished[], wasTried = false): Promise<Finished[]> {
    const { log, onEnd } = this.#deps;
    const late = await this.#writeUntilTaken(batch, wasTried).catch((error: unknown) => {
      log.error({ err: error }, 'settling failed');
      return [];
    });
    const isLate = new Set(late);
    for (const finished of batch) if (!isLate.has(finished)) onEnd(finished);
    return late;
  }

  async #writeUntilTaken(batch: Finished[], wasTried: boolean): Promise<Finished[]> {
    const { log, onSettled } = this.#deps;
    for (let isRepeat = wasTried; !this.#abandoned; isRepeat = true) {
      try {
        await this.#write(batch, isRepeat);
        for (const finished of batch) onSettled(finished);
        return [];
      } catch (error) {
        // The same again would wait for the same row, or as long for a slow disk.
        if (wasGivenUp(error)) return batch;
        if (!isWorthRepeating(error)) return this.#writeOneByOne(batch, error);
        log.warn({ err: error, waiting: batch.length }, 'writing down attempts');
        await pause(retryDelayMs);
      }
    }
    return [];
  }

  /** One row that PostgreSQL does not take must not hold up the others, nor be sent again for ever. */
  async #writeOneByOne(batch: Finished[], error: unknown): Promise<Finished[]> {
    const [first, ...others] = batch;
    if (!first) return [];
    if (others.length > 0) {
      const late: Finished[] = [];
      for (const finished of batch) late.push(...(await this.#writeUntilTaken([finished], true)));
      return late;
    }
    const { messageId, endpointId } = first.work;
    const lesser = withLess(first.settled);
    const what = lesser ? 'an attempt is stored with less' : 'an attempt was not stored';
    this.#deps.log.error({ err: error, messageId, endpointId }, what);
    const late = lesser ? await this.#writeUntilTaken([{ ...first, settled: lesser }], true) : [];
    return late.length > 0 ? [first] : [];
  }

  async #write(batch: Finished[], isRepeat: boolean): Promise<void> {
    const { pool, clock, log, failingMaxMs } = this.#deps;
    const nowMs = clock.monotonicMs();
    for (const { settled, startedAtMs } of batch) {
      if (settled.attempt) settled.attempt.startedAgoMs = nowMs - startedAtMs;
    }
    if (this.#deps.isOperationalInUse?.()) addNotes(batch);
    const settled = batch.map((finished) => finished.settled);
    const { movedCount, failingEndpoints } = await settleDeliveries(pool, settled, failingMaxMs, isRepeat);
    if (movedCount < batch.length) {
      log.warn({ lost: batch.length - movedCount }, 'attempts ended after their lease had been taken over');
    }
    this.#disableAfter(batch, failingEndpoints);
  }

  /** Like a batch, it ends after whoever added it is done with it. */
  async #follow(finished: Finished, failingEndpoints: readonly string[]): Promise<void> {
    await Promise.resolve();
    this.#deps.onSettled(finished);
    this.#deps.onEnd(finished);
    this.#disableAfter([finished], failingEndpoints);
  }

  #disableAfter(batch: readonly Finished[], failingEndpoints: readonly string[]): void {
    for (const endpointId of failingEndpoints) this.#disabler.add(endpointId, 'failing');
    for (const { work, endpointGone } of batch) if (endpointGone) this.#disabler.add(work.endpointId, 'gone');
  }
}

/** First without what came from outside, then without the attempt. Undefined when there is nothing left to leave out. */
function withLess({ attempt, ...rest }: Settled): Settled | undefined {
  if (!attempt) return undefined;
  if (attempt.url === '') return rest;
  const { responseHeaders: _headers, responseBody: _body, ...kept } = attempt;
  return { ...rest, attempt: { ...kept, url: '', detail: refusedDetail, responseTruncated: true } };
}

function addNotes(batch: readonly Finished[]): void {
  for (const { settled, work } of batch) {
    const note = noteOf(settled.transition, work);
    if (note) settled.note = note;
  }
}
