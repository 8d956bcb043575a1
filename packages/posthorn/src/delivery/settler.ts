// Writes finished attempts in batches. While PostgreSQL is away it keeps them and tries again.
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { createBatcher } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { isDatabaseUnavailable } from '../store/availability.ts';
import { disableEndpoint } from '../store/disable-endpoint.ts';
import { settleDeliveries } from '../store/settle-deliveries.ts';
import type { DisabledReason } from '../store/tables.ts';
import type { Finished } from './attempt.ts';

const batchMax = 500;
const batchesInFlightMax = 2;
const retryDelayMs = 250;

export interface Settler {
  add(finished: Finished): void;
  drain(): Promise<void>;
  /** Gives up on what PostgreSQL does not take: the leases expire, and someone else sends again. */
  abandon(): void;
}

export interface SettlerDeps {
  pool: pg.Pool;
  clock: Clock;
  log: Log;
  /** How long an endpoint may only fail before it is disabled. */
  failingMaxMs: number;
  /** Called once for each finished attempt, written or given up. */
  onEnd(finished: Finished): void;
  /** Called when it has been written. */
  onSettled(finished: Finished): void;
}

export function createSettler(deps: SettlerDeps): Settler {
  let abandoned = false;

  const write = async (batch: Finished[]) => {
    const nowMs = deps.clock.monotonicMs();
    for (const { settled, startedAtMs } of batch) {
      if (settled.attempt) settled.attempt.startedAgoMs = nowMs - startedAtMs;
    }
    const result = await settleDeliveries(
      deps.pool,
      batch.map(({ settled }) => settled),
      deps.failingMaxMs,
    );
    if (result.movedCount < batch.length) {
      deps.log.warn(
        { lost: batch.length - result.movedCount },
        'attempts ended after their lease had been taken over',
      );
    }
    await disable(result.failingEndpoints, 'failing');
    await disable([...goneEndpoints(batch)], 'gone');
  };

  const disable = async (endpointIds: readonly string[], reason: DisabledReason) => {
    for (const endpointId of endpointIds) {
      if (await disableEndpoint(deps.pool, endpointId, reason)) {
        deps.log.warn({ endpointId, reason }, 'endpoint disabled');
      }
    }
  };

  const writeUntilTaken = async (batch: Finished[]): Promise<void> => {
    while (!abandoned) {
      try {
        await write(batch);
        for (const finished of batch) deps.onSettled(finished);
        return;
      } catch (error) {
        if (!isDatabaseUnavailable(error)) return splitBatch(batch, error);
        deps.log.warn({ err: error, waiting: batch.length }, 'attempts wait: PostgreSQL is away');
        await pause(retryDelayMs);
      }
    }
  };

  // One row that PostgreSQL does not take must not hold up the others.
  const splitBatch = async (batch: Finished[], error: unknown): Promise<void> => {
    if (batch.length > 1) {
      for (const finished of batch) await writeUntilTaken([finished]);
      return;
    }
    const { work } = batch[0] as Finished;
    deps.log.error(
      { err: error, messageId: work.messageId, endpointId: work.endpointId },
      'an attempt was not stored',
    );
  };

  const batcher = createBatcher<Finished>({
    itemsMax: batchMax,
    concurrencyMax: batchesInFlightMax,
    async run(batch) {
      await writeUntilTaken(batch).catch((error: unknown) =>
        deps.log.error({ err: error }, 'settling failed'),
      );
      for (const finished of batch) deps.onEnd(finished);
    },
  });

  return {
    add: batcher.add,
    drain: batcher.drain,
    abandon() {
      abandoned = true;
    },
  };
}

function goneEndpoints(batch: readonly Finished[]): Set<string> {
  return new Set(batch.filter((finished) => finished.endpointGone).map(({ work }) => work.endpointId));
}
