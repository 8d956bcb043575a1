// The pools of PostgreSQL connections, and Kysely on one of them for the queries that are built at run time.
import { Kysely, PostgresDialect, type PostgresPool } from 'kysely';
import pg from 'pg';
import { isAnswer } from './availability.ts';
import { keepAlive, keepAliveSettings, sessionOptions } from './keep-alive.ts';
import type { Tables } from './tables.ts';

const connectTimeoutMs = 5_000;
const statementTimeoutMs = 15_000;
// The client's own limit, longer than the server's: it ends a wait on a server that is frozen or unreachable.
const defaultQueryTimeoutMs = 20_000;
const idleTimeoutMs = 30_000;
// A process that freezes inside a transaction must not keep its locks for longer than it counts as alive.
const idleInTransactionMs = 10_000;
// A heartbeat that takes longer has missed its time: the next one is sent on a new connection. The server gives it up
// before the client does: one that waits for a lock must not come through when nobody counts on it any more.
const heartbeatTimeoutMs = 4_000;
const heartbeatStatementTimeoutMs = 3_500;

const sessionSettings = [
  // Whatever the server's default: an answered message is on disk.
  'synchronous_commit=on',
  `idle_in_transaction_session_timeout=${idleInTransactionMs}`,
  ...keepAliveSettings,
  // Plans are kept. One made while tomorrow's partition was empty would scan it as a whole after midnight, for each row.
  'enable_seqscan=off',
  // Short statements by the thousand: compiling them costs more than it gains.
  'jit=off',
];

export type Queries = Kysely<Tables>;

/** The store's way in: `pool` for the statements of the hot path, `queries` for everything that Kysely builds. */
export interface Database {
  pool: pg.Pool;
  /**
   * One connection, made when it is first used, and thrown away when a statement fails on it. What others judge this
   * process by must not stand in the queue of `pool`, or one that has much to do looks dead.
   */
  heartbeatPool: pg.Pool;
  queries: Queries;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  url: string;
  connectionsMax: number;
  applicationName: string;
  /** Called for errors of idle connections, which have no caller to tell. */
  onIdleError(error: Error): void;
  /** The client's own limit for each statement. */
  queryTimeoutMs?: number;
}

export function openDatabase(options: DatabaseOptions): Database {
  const pool = openPool(options, {
    max: options.connectionsMax,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: idleTimeoutMs,
    query_timeout: options.queryTimeoutMs ?? defaultQueryTimeoutMs,
    statement_timeout: statementTimeoutMs,
  });
  const heartbeatPool = openPool(options, {
    max: 1,
    connectionTimeoutMillis: heartbeatTimeoutMs,
    idleTimeoutMillis: 0,
    query_timeout: heartbeatTimeoutMs,
    statement_timeout: heartbeatStatementTimeoutMs,
  });
  const dialect = new PostgresDialect({ pool: discardingPool(pool) });
  const queries = new Kysely<Tables>({ dialect }).withSchema('posthorn');
  const close = async () => {
    await Promise.all([pool.end(), heartbeatPool.end()]);
  };
  return { pool, heartbeatPool, queries, close };
}

function openPool({ url, applicationName, onIdleError }: DatabaseOptions, limits: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({
    ...limits,
    connectionString: url,
    application_name: applicationName,
    ...keepAlive,
    options: sessionOptions(sessionSettings),
  });
  pool.on('error', onIdleError);
  // A connection cut between two statements of a transaction belongs to no query: without a listener of its own, the
  // error would end the process. The next statement on it fails, and with it the transaction.
  pool.on('connect', (client) => client.on('error', onIdleError));
  return pool;
}

/**
 * Kysely gives every connection back as if it were sound. One with a statement that still hangs, or with a transaction
 * that could not be rolled back, would take the next one's statements into it, and what they wrote would be lost.
 */
function discardingPool(pool: pg.Pool): PostgresPool {
  return {
    async connect() {
      const client = await pool.connect();
      let broken: Error | undefined;
      const query = async (sql: string, parameters: unknown[]) => {
        // Nothing is asked behind a statement that hangs: the rollback would only hang with it.
        if (broken !== undefined) throw broken;
        try {
          return await client.query(sql, parameters);
        } catch (error) {
          if (!isAnswer(error) || sql === 'rollback') broken = error as Error;
          throw error;
        }
      };
      // The other way to call `query` is with a cursor, for streams; there are none.
      const own: unknown = { query, release: () => client.release(broken) };
      return own as Awaited<ReturnType<PostgresPool['connect']>>;
    },
    end: () => pool.end(),
  };
}
