// What an attempt has to know before it sends is asked for again while the database is away: in its slot, so that no more
// is started than was under way. Given up, all that waits in memory would be started, fail and be forgotten within a
// second of an outage, and come back through sweeps and claims.
import { setTimeout as pause } from 'node:timers/promises';
import { isDatabaseUnavailable } from '../store/availability.ts';

// Thousands may ask, each for an application of its own: less often the longer it lasts.
const firstPauseMs = 500;
const pauseMsMax = 2_000;

/** Rejects with what `ask` does when that is no outage, or when `mayWait` says that waiting is in vain. */
export async function askPatiently<T>(
  ask: () => Promise<T>,
  { mayWait, random }: { mayWait(): boolean; random: () => number },
): Promise<T> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMsMax, pauseMs * 2)) {
    try {
      return await ask();
    } catch (error) {
      if (!isDatabaseUnavailable(error) || !mayWait()) throw error;
    }
    await pause((pauseMs * (1 + random())) / 2);
  }
}
