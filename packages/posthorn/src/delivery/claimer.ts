// Brings due deliveries from the database into memory: retries, overflow, and what other processes left behind.
import type pg from 'pg';
import { createLoop, type Loop } from '../lib/loop.ts';
import type { Log } from '../lib/log.ts';
import { claimDeliveries, nextDueInMs } from '../store/claim-deliveries.ts';
import type { ConfigCache } from './config-cache.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { LeaseKeeper } from './lease-keeper.ts';

// Nobody tells this process of work that another one puts into the database: it looks this often.
const pollMs = 2_000;
const noRoomDelayMs = 100;
const errorDelayMs = 1_000;
const endpointsPerClaimMax = 50;
const perEndpointMax = 20;

export interface ClaimerDeps {
  pool: pg.Pool;
  dispatcher: Dispatcher;
  configs: ConfigCache;
  leases: LeaseKeeper;
  log: Log;
}

/** `runOnce` claims until nothing is due or memory is full, and resolves with the milliseconds until it is worth trying again. */
export function createClaimer(deps: ClaimerDeps): Loop & { runOnce(): Promise<number> } {
  const { pool, dispatcher, configs, leases } = deps;

  const claim = async (): Promise<number> => {
    const claimed = await claimDeliveries(pool, leases.owner(), {
      endpointsMax: endpointsPerClaimMax,
      perEndpointMax,
      bytesMax: dispatcher.bytesRoom(),
      fullEndpoints: dispatcher.fullEndpoints(),
    });
    // Their rate limits are in there: known before the first of them starts.
    await Promise.all(
      [...new Set(claimed.map((work) => work.applicationId))].map((id) => configs.forSend(id)),
    );
    for (const work of claimed) dispatcher.take(work);
    return claimed.length;
  };

  const runOnce = async (): Promise<number> => {
    if (!leases.isFresh()) return pollMs;
    for (;;) {
      const dueInMs = await nextDueInMs(pool, dispatcher.fullEndpoints());
      if (dueInMs === undefined) return pollMs;
      if (dueInMs > 0) return Math.min(dueInMs, pollMs);
      if (dispatcher.claimRoom() === 0) return noRoomDelayMs;
      // Another process may have it already, or hold the rows: do not spin.
      if ((await claim()) === 0) return noRoomDelayMs;
    }
  };

  return { ...createLoop({ name: 'claimer', runOnce, errorDelayMs, log: deps.log }), runOnce };
}
