// Writes finished attempts in batches. While PostgreSQL is away it keeps them and tries again.
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { noteOf } from '../core/attempt-note.ts';
import { type Batcher, createBatcher } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { isWorthRepeating } from '../store/availability.ts';
import { disableEndpoint } from '../store/disable-endpoint.ts';
import { type Settled, settleDeliveries } from '../store/settle-deliveries.ts';
import type { DisabledReason } from '../store/tables.ts';
import type { Finished } from './attempt.ts';

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
  readonly #following = new Set<Promise<void>>();
  #abandoned = false;

  constructor(deps: SettlerDeps) {
    this.#deps = deps;
    this.#batcher = createBatcher({
      itemsMax: batchMax,
      concurrencyMax: batchesInFlightMax,
      crowdMin: batchBesideMin,
      lingerMs,
      run: async (batch) => {
        await this.#writeUntilTaken(batch).catch((error: unknown) =>
          deps.log.error({ err: error }, 'settling failed'),
        );
        for (const finished of batch) deps.onEnd(finished);
      },
    });
  }

  add(finished: Finished): void {
    if (!finished.stored) return this.#batcher.add(finished);
    const following = this.#follow(finished, finished.stored.failingEndpoints).finally(() =>
      this.#following.delete(following),
    );
    this.#following.add(following);
  }

  async drain(): Promise<void> {
    await Promise.all([this.#batcher.drain(), ...this.#following]);
  }

  /** Gives up on what PostgreSQL does not take: the leases expire, and someone else sends again. */
  abandon(): void {
    this.#abandoned = true;
  }

  async #writeUntilTaken(batch: Finished[], wasTried = false): Promise<void> {
    const { log, onSettled } = this.#deps;
    for (let isRepeat = wasTried; !this.#abandoned; isRepeat = true) {
      try {
        await this.#write(batch, isRepeat);
        for (const finished of batch) onSettled(finished);
        return;
      } catch (error) {
        if (!isWorthRepeating(error)) return this.#writeOneByOne(batch, error);
        log.warn({ err: error, waiting: batch.length }, 'writing down attempts');
        await pause(retryDelayMs);
      }
    }
  }

  /** One row that PostgreSQL does not take must not hold up the others, nor be sent again for ever. */
  async #writeOneByOne(batch: Finished[], error: unknown): Promise<void> {
    const [first, ...others] = batch;
    if (!first) return;
    if (others.length > 0) {
      for (const finished of batch) await this.#writeUntilTaken([finished], true);
      return;
    }
    const { messageId, endpointId } = first.work;
    const lesser = withLess(first.settled);
    const what = lesser ? 'an attempt is stored with less' : 'an attempt was not stored';
    this.#deps.log.error({ err: error, messageId, endpointId }, what);
    if (lesser) await this.#writeUntilTaken([{ ...first, settled: lesser }], true);
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
    await this.#disableAfter(batch, failingEndpoints);
  }

  /** Like a batch, it ends after whoever added it is done with it. */
  async #follow(finished: Finished, failingEndpoints: readonly string[]): Promise<void> {
    await Promise.resolve();
    this.#deps.onSettled(finished);
    this.#deps.onEnd(finished);
    await this.#disableAfter([finished], failingEndpoints);
  }

  async #disableAfter(batch: readonly Finished[], failingEndpoints: readonly string[]): Promise<void> {
    await this.#disable(failingEndpoints, 'failing');
    await this.#disable([...goneEndpoints(batch)], 'gone');
  }

  async #disable(endpointIds: readonly string[], reason: DisabledReason): Promise<void> {
    const { pool, log } = this.#deps;
    for (const endpointId of endpointIds) {
      try {
        if (await disableEndpoint(pool, endpointId, reason))
          log.warn({ endpointId, reason }, 'endpoint disabled');
      } catch (error) {
        // The attempts are stored; the endpoint's next one gives the same reason again.
        log.warn({ err: error, endpointId, reason }, 'an endpoint could not be disabled');
      }
    }
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

function goneEndpoints(batch: readonly Finished[]): Set<string> {
  return new Set(batch.filter((finished) => finished.endpointGone).map(({ work }) => work.endpointId));
}
