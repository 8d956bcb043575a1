// Duplicates among all processes that share a PostgreSQL table. By the database's clock, which they share as well.
import type { DedupeStore } from '../receiver/dedupe.ts';

/** A `Pool` or `Client` of `pg`, a PGlite, or anything with such a method. */
export type PostgresClient = {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly object[] }>;
};

export type PostgresDedupeOptions = {
  /** The table, which may be written `schema.table` (default `webhook_events`). */
  readonly table?: string;
};

const tableName = /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/;
const tableDefault = 'webhook_events';
const sweepEveryMs = 60_000;
const sweepRowsMax = 1_000;

/** The statement that makes the table. Run it in a migration; it does nothing when the table is there. */
export function postgresDedupeTable({ table = tableDefault }: PostgresDedupeOptions = {}): string {
  const name = checked(table);
  return `create table if not exists ${name} (
  key text primary key,
  holder text,
  expires_at timestamptz not null
);
create index if not exists ${name.replace('.', '_')}_expires_at on ${name} (expires_at);`;
}

export function postgresDedupe(
  client: PostgresClient,
  { table = tableDefault }: PostgresDedupeOptions = {},
): DedupeStore {
  const name = checked(table);
  const sql = statements(name);
  let sweptAtMs = 0;
  const sweep = async () => {
    if (Date.now() - sweptAtMs < sweepEveryMs) return;
    sweptAtMs = Date.now();
    const { rows } = await client.query(sql.sweep, [sweepRowsMax]);
    // There may be more: the next claim goes on.
    if (rows.length === sweepRowsMax) sweptAtMs = 0;
  };
  return {
    async claim(key, seconds, holder) {
      const { rows } = await client.query(sql.claim, [key, seconds, holder]);
      if (rows.length > 0) {
        // The claim is there, whatever becomes of old ones: without an answer nobody could handle the event until it ends.
        await sweep().catch(() => {});
        return 'claimed';
      }
      const { rows: found } = await client.query(sql.isDone, [key]);
      return found.length > 0 ? 'done' : 'busy';
    },
    async done(key, seconds) {
      await client.query(sql.done, [key, seconds]);
    },
    async release(key, holder) {
      await client.query(sql.release, [key, holder]);
    },
  };
}

function statements(table: string): Record<'claim' | 'isDone' | 'done' | 'release' | 'sweep', string> {
  const expiry = "now() + $2::double precision * interval '1 second'";
  return {
    // One row comes back when there was none, or one whose time has run out. Of several at once, the row lock lets one win.
    // Without a holder it was handled.
    claim: `insert into ${table} as held (key, holder, expires_at) values ($1, $3, ${expiry})
      on conflict (key) do update set holder = excluded.holder, expires_at = excluded.expires_at
      where held.expires_at <= now()
      returning key`,
    isDone: `select key from ${table} where key = $1 and holder is null and expires_at > now()`,
    done: `insert into ${table} (key, holder, expires_at) values ($1, null, ${expiry})
      on conflict (key) do update set holder = null, expires_at = excluded.expires_at`,
    release: `delete from ${table} where key = $1 and holder = $2`,
    sweep: `delete from ${table} where key in (
      select key from ${table} where expires_at <= now() limit $1 for update skip locked)
      returning key`,
  };
}

// It becomes part of statements, where no parameter can stand.
function checked(table: string): string {
  if (tableName.test(table)) return table;
  throw new TypeError('the table is named with a-z, 0-9 and _, and perhaps its schema before a full stop');
}
