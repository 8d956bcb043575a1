// The connection that proves a server usable, and creates our database in a new cluster.
import pg from 'pg';
import { databaseName } from './create-cluster.ts';
import { errorCode } from './embedded-error.ts';

const connectTimeoutMs = 5_000;
const missingDatabase = '3D000';
const existsAlready = new Set(['42P04', '23505']);
// Cannot connect now (starting, stopping), too many connections, refused, reset: all pass, or the server ends.
const passing = new Set(['57P01', '57P02', '57P03', '53300', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']);
// Errors of pg without a code: the machine is too busy for an answer in time, or the server went away.
const passingMessages = ['timeout expired', 'Query read timeout', 'Connection terminated'];

/** The URL of a database of the embedded server. */
export function databaseUrl(port: number, password: string, database: string = databaseName): string {
  return `postgres://${databaseName}:${password}@127.0.0.1:${port}/${database}`;
}

/** Whether trying again may succeed while the server process lives. */
export function isPassing(error: unknown): boolean {
  if (passing.has(errorCode(error) ?? '')) return true;
  return error instanceof Error && passingMessages.some((message) => error.message.startsWith(message));
}

/** Connects, creating the database when it is missing. Returns the server's version, such as `18.4`. */
export async function ensureDatabase(port: number, password: string): Promise<string> {
  try {
    return await serverVersion(databaseUrl(port, password));
  } catch (error) {
    if (errorCode(error) !== missingDatabase) throw error;
  }
  await withClient(databaseUrl(port, password, 'postgres'), async (client) => {
    await client.query(`create database ${databaseName}`).catch((error: unknown) => {
      // Another process was first.
      if (!existsAlready.has(errorCode(error) ?? '')) throw error;
    });
  });
  return serverVersion(databaseUrl(port, password));
}

async function serverVersion(url: string): Promise<string> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    return rows[0]?.server_version ?? '';
  });
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'posthorn supervisor',
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: connectTimeoutMs,
  });
  // The server may die under us; the query then rejects, and that is enough.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
