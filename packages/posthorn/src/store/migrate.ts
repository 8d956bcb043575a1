// Forward-only migrations: plain SQL files, applied in order, each in a transaction, one process at a time.
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Log } from '../lib/log.ts';
import { isLockTimeout } from './availability.ts';
import { keepAlive, keepAliveSettings, sessionOptions } from './keep-alive.ts';

const folder = new URL('../../migrations/', import.meta.url);
const fileName = /^\d{4}_[a-z0-9_]+\.sql$/;
// Any constant of our own: everyone who migrates this database takes the same advisory lock.
const lockKey = 7_069_867;
const connectTimeoutMs = 5_000;
const serverVersionMin = 150_000;
const lockRetryMs = 250;
const firstLineMs = 1_000;
const lineEveryMs = 10_000;
// Whoever comes after a migration that waits for a table waits behind it: so it waits briefly, and comes again.
const lockTimeoutMs = 2_000;
const tableRetryMs = 1_000;

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

export interface MigrateOptions {
  log?: Pick<Log, 'warn'>;
  /** Ends a wait for others; the promise then rejects with its reason. */
  signal?: AbortSignal | undefined;
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

interface Wait {
  /** Between two tries. */
  pauseMs: number;
  /** Says what it waits for, now and then. */
  tell(): Promise<void> | void;
  signal: AbortSignal | undefined;
}

async function waitUntil(attempt: () => Promise<boolean>, { pauseMs, tell, signal }: Wait): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += pauseMs) {
    signal?.throwIfAborted();
    if (await attempt()) return;
    if (waitedMs % lineEveryMs === firstLineMs) await tell();
    await pause(pauseMs, undefined, signal ? { signal } : {});
  }
}

/** Not queued for: who waits in PostgreSQL hears no signal, and tells nobody. */
async function takeLock(client: pg.Client, { log, signal }: MigrateOptions): Promise<void> {
  const attempt = async () => {
    const sql = 'select pg_try_advisory_lock($1) as locked';
    return (await client.query<{ locked: boolean }>(sql, [lockKey])).rows[0]?.locked === true;
  };
  const tell = async () => {
    const { rows } = await client.query<{ pid: number; application: string }>(
      `select a.pid, a.application_name as application from pg_locks l join pg_stat_activity a on a.pid = l.pid
       where l.locktype = 'advisory' and l.objid = $1 and l.classid = 0 and l.granted and a.datname = current_database()`,
      [lockKey],
    );
    log?.warn({ holders: rows }, 'waiting for another process, which migrates this database');
  };
  await waitUntil(attempt, { pauseMs: lockRetryMs, tell, signal });
}

async function applyOne(client: pg.Client, { name, sql, checksum }: Migration): Promise<boolean> {
  try {
    await client.query(`begin; set local lock_timeout = ${lockTimeoutMs}`);
    await client.query(sql);
    await client.query('insert into posthorn.migration (name, checksum) values ($1, $2)', [name, checksum]);
    await client.query('commit');
    return true;
  } catch (cause) {
    await client.query('rollback');
    if (isLockTimeout(cause)) return false;
    throw new Error(`migration ${name} failed: ${(cause as Error).message}`, { cause });
  }
}

async function applyPending(client: pg.Client, { log, signal }: MigrateOptions): Promise<MigrationResult> {
  const known = await readMigrations();
  await client.query('create schema if not exists posthorn');
  await client.query(
    'create table if not exists posthorn.migration (name text primary key, checksum text not null, applied_at timestamptz not null default now())',
  );
  const applied = await appliedChecksums(client);
  refuseUnknown(applied, known);
  const pending = known.filter((migration) => !applied.has(migration.name));
  for (const migration of pending) {
    const tell = () =>
      log?.warn({ migration: migration.name }, 'waiting for a table that somebody else uses, to migrate it');
    await waitUntil(() => applyOne(client, migration), { pauseMs: tableRetryMs, tell, signal });
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
export async function migrate(databaseUrl: string, options: MigrateOptions = {}): Promise<MigrationResult> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'posthorn migrate',
    connectionTimeoutMillis: connectTimeoutMs,
    ...keepAlive,
    options: sessionOptions(keepAliveSettings),
  });
  // A connection that is cut fails the statement under way; the event besides would end the process if nobody heard it.
  client.on('error', () => {});
  await client.connect();
  try {
    await refuseOldServer(client);
    await takeLock(client, options);
    return await applyPending(client, options);
  } finally {
    await client.end();
  }
}
