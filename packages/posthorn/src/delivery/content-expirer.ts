// Deletes contents when their message said so, a minute late at most. The housekeeper is too slow for that.
import type pg from 'pg';
import { createLoop, type Loop } from '../lib/loop.ts';
import type { Log } from '../lib/log.ts';
import { expireContents } from '../store/message-expiry.ts';

const everyMs = 60_000;
const errorDelayMs = 30_000;
const perStatementMax = 1_000;
const betweenStatementsMs = 50;

/** `runOnce` deletes a batch and resolves with the milliseconds until the next. */
export function createContentExpirer({
  pool,
  log,
}: {
  pool: pg.Pool;
  log: Log;
}): Loop & { runOnce(): Promise<number> } {
  const runOnce = async () => {
    const count = await expireContents(pool, perStatementMax);
    if (count > 0) log.debug({ count }, 'contents past their time deleted');
    return count < perStatementMax ? everyMs : betweenStatementsMs;
  };
  return { ...createLoop({ name: 'content expirer', runOnce, errorDelayMs, log }), runOnce };
}
