// Counts failures by their cause, and tells the operator once: what was seen becomes issues, and what succeeds again
// resolves them. One process at a time, a moment after a failure; an idle system is asked for one small look.
import type pg from 'pg';
import type { Clock } from '../lib/clock.ts';
import { createLoop, type Loop } from '../lib/loop.ts';
import type { Log } from '../lib/log.ts';
import { foldSightings, lockIssues, lookAtIssues, resolveMended } from '../store/issue-sightings.ts';
import { inTransaction } from '../store/transaction.ts';

const everyMs = 5_000;
/** While no issue is open: whoever sees a failure wakes its own process, and only what a dead one saw waits so long. */
const idleMs = 30_000;
const errorDelayMs = 5_000;
/** What fails at the same time is counted together. */
const togetherMs = 1_000;
/** One transaction counts so many rows, each of a batch: a few ten milliseconds' work. */
const sightingsMax = 2_000;
const openLookedAtMax = 500;
/** Whoever fails now and then is not told of each time: an issue ends when its cause was not seen for so long. */
const defaultQuietMs = 60_000;

export interface IssueKeeper extends Loop {
  /** Some attempt failed; cheap to call. */
  noteFailure(): void;
  /** One transaction's worth; resolves with the milliseconds until it is worth looking again. */
  runOnce(): Promise<number>;
}

interface IssueKeeperDeps {
  pool: pg.Pool;
  clock: Clock;
  log: Log;
  quietMs?: number;
}

export function createIssueKeeper({
  pool,
  clock,
  log,
  quietMs = defaultQuietMs,
}: IssueKeeperDeps): IssueKeeper {
  let after = '';
  let resolveAtMs = 0;

  const resolve = async (client: pg.ClientBase) => {
    const nowMs = clock.monotonicMs();
    if (nowMs < resolveAtMs) return;
    const { last, resolved } = await resolveMended(client, { after, rowsMax: openLookedAtMax, quietMs });
    if (resolved > 0) log.info({ resolved }, 'issues resolved');
    after = last ?? '';
    if (last === undefined) resolveAtMs = nowMs + everyMs;
  };

  const runOnce = async () => {
    const look = await lookAtIssues(pool);
    if (!look.sighted && !look.open) return idleMs;
    if (!look.sighted && clock.monotonicMs() < resolveAtMs) return everyMs;
    return inTransaction(pool, async (client) => {
      if (!(await lockIssues(client))) return everyMs;
      const { taken, opened } = look.sighted
        ? await foldSightings(client, sightingsMax)
        : { taken: 0, opened: 0 };
      if (opened > 0) log.warn({ opened }, 'issues opened');
      if (taken === sightingsMax) return 0;
      await resolve(client);
      return after === '' ? everyMs : togetherMs;
    });
  };

  const loop = createLoop({ name: 'issues', runOnce, errorDelayMs, log });
  return { ...loop, runOnce, noteFailure: () => loop.wakeWithin(togetherMs) };
}
