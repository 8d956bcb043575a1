// Forward-only migrations: plain SQL files, applied in order, each in a transaction, one process at a time.
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import pg from 'pg';

const folder = new URL('../../migrations/', import.meta.url);
const fileName = /^\d{4}_[a-z0-9_]+\.sql$/;
// Any constant of our own: everyone who migrates this database takes the same advisory lock.
const lockKey = 7_069_867;
const connectTimeoutMs = 5_000;
const serverVersionMin = 150_000;

export interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

export interface MigrationResult {
  applied: string[];
  /** All migrations that this build has, with whether the database had them before. */
  migrations: { name: string; state: 'applied' | 'already applied' }[];
}

async function readMigrations(): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => fileName.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, folder), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function appliedChecksums(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'select name, checksum from posthorn.migration order by name',
  );
  return new Map(rows.map((row) => [row.name, row.checksum]));
}

function refuseUnknown(applied: Map<string, string>, known: Migration[]): void {
  const checksums = new Map(known.map((migration) => [migration.name, migration.checksum]));
  for (const [name, checksum] of applied) {
    const expected = checksums.get(name);
    if (expected === undefined) {
      throw new Error(
        `the database has migration ${name}, which this version does not know: run a newer Posthorn`,
      );
    }
    if (expected !== checksum) {
      throw new Error(`migration ${name} differs from the one that was applied to this database`);
    }
  }
}

async function refuseOldServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: string; number: string }>(
    "select current_setting('server_version') as version, current_setting('server_version_num') as number",
  );
  if (Number(rows[0]?.number) < serverVersionMin) {
    throw new Error(`PostgreSQL 15 or newer is needed, the server is ${rows[0]?.version}`);
  }
}

async function applyPending(client: pg.Client): Promise<MigrationResult> {
  const known = await readMigrations();
  await client.query('create schema if not exists posthorn');
  await client.query(
    'create table if not exists posthorn.migration (name text primary key, checksum text not null, applied_at timestamptz not null default now())',
  );
  const applied = await appliedChecksums(client);
  refuseUnknown(applied, known);
  const pending = known.filter((migration) => !applied.has(migration.name));
  for (const migration of pending) {
    await client.query('begin');
    try {
      await client.query(migration.sql);
      await client.query('insert into posthorn.migration (name, checksum) values ($1, $2)', [
        migration.name,
        migration.checksum,
      ]);
      await client.query('commit');
    } catch (cause) {
      await client.query('rollback');
      throw new Error(`migration ${migration.name} failed: ${(cause as Error).message}`, { cause });
    }
  }
  return {
    applied: pending.map((migration) => migration.name),
    migrations: known.map(({ name }) => ({ name, state: applied.has(name) ? 'already applied' : 'applied' })),
  };
}

/**
 * Brings the database at `databaseUrl` to this build's schema. Safe to call from several processes at once. Throws
 * when the server is older than PostgreSQL 15, when an applied file was altered, or when the database is newer.
 */
export async function migrate(databaseUrl: string): Promise<MigrationResult> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'posthorn migrate',
    connectionTimeoutMillis: connectTimeoutMs,
  });
  // A connection that is cut fails the statement under way; the event besides would end the process if nobody heard it.
  client.on('error', () => {});
  await client.connect();
  try {
    await refuseOldServer(client);
    await client.query('select pg_advisory_lock($1)', [lockKey]);
    return await applyPending(client);
  } finally {
    await client.end();
  }
}
