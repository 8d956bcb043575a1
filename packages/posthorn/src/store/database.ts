// One pool of PostgreSQL connections, and Kysely on it for the queries that are built at run time.
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Tables } from './tables.ts';

const connectTimeoutMs = 5_000;
const statementTimeoutMs = 15_000;
// The client's own limit, longer than the server's: it ends a wait on a server that is frozen or unreachable.
const queryTimeoutMs = 20_000;
const idleTimeoutMs = 30_000;
// A process that freezes inside a transaction must not keep its locks for longer than it counts as alive.
const idleInTransactionMs = 10_000;

const sessionSettings = [
  // Whatever the server's default: an answered message is on disk.
  'synchronous_commit=on',
  `idle_in_transaction_session_timeout=${idleInTransactionMs}`,
  // Plans are kept. One made while tomorrow's partition was empty would scan it as a whole after midnight, for each row.
  'enable_seqscan=off',
  // Short statements by the thousand: compiling them costs more than it gains.
  'jit=off',
];

export type Queries = Kysely<Tables>;

/** The store's way in: `pool` for the statements of the hot path, `queries` for everything that Kysely builds. */
export interface Database {
  pool: pg.Pool;
  queries: Queries;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  url: string;
  connectionsMax: number;
  applicationName: string;
  /** Called for errors of idle connections, which have no caller to tell. */
  onIdleError(error: Error): void;
}

export function openDatabase(options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connectionsMax,
    application_name: options.applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: idleTimeoutMs,
    query_timeout: queryTimeoutMs,
    statement_timeout: statementTimeoutMs,
    keepAlive: true,
    options: sessionSettings.map((setting) => `-c ${setting}`).join(' '),
  });
  pool.on('error', options.onIdleError);
  // A connection cut between two statements of a transaction belongs to no query: without a listener of its own, the
  // error would end the process. The next statement on it fails, and with it the transaction.
  pool.on('connect', (client) => client.on('error', options.onIdleError));
  const queries = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }).withSchema('posthorn');
  return { pool, queries, close: () => pool.end() };
}
