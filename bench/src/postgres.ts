// The PostgreSQL of a run: the embedded one, with the settings that Posthorn ships plus a counter of statements.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../packages/posthorn/dist/embedded/cluster.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const database = 'posthorn_bench';

export interface DatabaseCounts {
  statements: number;
  commits: number;
  walBytes: number;
}

export interface BenchPostgres {
  /** The database that Posthorn is given. */
  url: string;
  pid: number;
  version: string;
  /** Settings that decide what a commit is worth. */
  durability: Record<string, string>;
  /** Since the server started, in Posthorn's database only; the benchmark's own questions are asked elsewhere. */
  counts(): Promise<DatabaseCounts>;
  /** A connection to Posthorn's database, to put rows there. */
  connect(): Promise<pg.Client>;
  /** Throws the database away and makes an empty one. Nobody may be connected. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

const countsSql = `
select
  (select coalesce(sum(s.calls), 0) from pg_stat_statements s join pg_database d on d.oid = s.dbid where d.datname = $1)
    as statements,
  (select xact_commit from pg_stat_database where datname = $1) as commits,
  (select wal_bytes from pg_stat_wal) as wal_bytes`;

const durabilitySql = `
select name, setting from pg_settings
where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method') order by name`;

// Of 16 MiB each: as many as the server keeps, and a few in use.
const walFiles = 56;

/** Goes through the files of the write-ahead log once: after the checkpoint they are used again, and none is made. */
async function fillWal(admin: pg.Client): Promise<void> {
  for (let file = 0; file < walFiles; file += 1) {
    await admin.query("select pg_logical_emit_message(false, 'bench', 'next')");
    await admin.query('select pg_switch_wal()');
  }
  await admin.query('checkpoint');
}

/** `folder`: where the cluster is made; it is the caller's to delete. */
export async function startPostgres(folder: string): Promise<BenchPostgres> {
  const dataDir = join(folder, 'postgres');
  const settings = { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.save': 'off' };
  const server = await startEmbeddedPostgres({ dataDir, log: quiet, settings });
  const admin = new pg.Client({ connectionString: server.url });
  admin.on('error', () => {});
  await admin.connect();
  await admin.query('create extension if not exists pg_stat_statements');
  await fillWal(admin);
  const durability = await admin.query<{ name: string; setting: string }>(durabilitySql);
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  const reset = async () => {
    await admin.query(`drop database if exists ${database} with (force)`);
    await admin.query(`create database ${database}`);
  };
  await reset();
  const pidFile = await readFile(join(dataDir, 'postmaster.pid'), 'utf8');
  return {
    url: url.href,
    pid: Number.parseInt(pidFile, 10),
    version: server.version,
    durability: Object.fromEntries(durability.rows.map(({ name, setting }) => [name, setting])),
    async counts() {
      const { rows } = await admin.query<Record<string, string>>(countsSql, [database]);
      const [row = {}] = rows;
      return {
        statements: Number(row.statements),
        commits: Number(row.commits),
        walBytes: Number(row.wal_bytes),
      };
    },
    async connect() {
      const client = new pg.Client({ connectionString: url.href });
      await client.connect();
      return client;
    },
    reset,
    async stop() {
      await admin.end();
      await server.stop();
    },
  };
}
