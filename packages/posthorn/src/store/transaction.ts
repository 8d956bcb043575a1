// Runs several statements on one connection as one transaction.
import type pg from 'pg';
import { isAnswer } from './availability.ts';

// A process that freezes, or is cut off, with half a statement sent keeps its locks for good: PostgreSQL waits for the
// other half, and neither counts the statement's time then nor calls it idle. From PostgreSQL 17 on the whole has a limit,
// above what its statements may take together.
const transactionTimeoutMs = 120_000;
const limitTransaction = `select set_config('transaction_timeout', '${transactionTimeoutMs}', true)
  where current_setting('server_version_num')::integer >= 170000`;

/**
 * Commits when `work` resolves, rolls back when it rejects. A connection that fails to roll back, or whose statement got
 * no answer, is thrown away: a rollback would only wait behind that statement.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    // Whatever the server's default: claims and recovery count on a new snapshot for each statement.
    await client.query(`begin isolation level read committed; ${limitTransaction}`);
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    if (isAnswer(error)) {
      await client.query('rollback').catch((cause: Error) => {
        broken = cause;
      });
    } else {
      broken =
        error instanceof Error ? error : new Error('the work of a transaction failed', { cause: error });
    }
    throw error;
  } finally {
    client.release(broken);
  }
}
