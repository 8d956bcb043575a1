// The outbox: messages that a transaction wrote down, and the statements that turn them into messages.
import type pg from 'pg';
import { timeOfId } from '../lib/ids.ts';

// With the shard's number the key of an advisory lock; any constant of our own.
const lockKey = 7_069_868;
const shardCount = 32;

/** A message that waits to become one. `applicationId` is null while there is no such application. */
export interface OutboxRow {
  seq: string;
  messageId: string;
  environmentId: string;
  /** Its id or uid, as it was given. */
  application: string;
  applicationId: string | null;
  eventType: string;
  eventId: string | null;
  channels: string[] | null;
  tags: string[] | null;
  payload: Buffer;
}

/** One that can become a message now. */
export type PublishableRow = OutboxRow & { applicationId: string };

/** What there is to do: `shards` have rows that are next. */
export interface OutboxState {
  shards: number[];
  /** Some environment has operational webhooks. */
  operationalInUse: boolean;
}

const lookSql = `
select exists (
    select from posthorn.application a where a.operational and a.deleted_at is null
      and exists (select from posthorn.endpoint e where e.application_id = a.id and e.deleted_at is null)
  ) as operational_in_use,
  array(
    select s from generate_series(0, ${shardCount - 1}) s
    where exists (select from posthorn.outbox where shard = s::smallint and retry_at is null)
      or exists (select from posthorn.outbox where shard = s::smallint and retry_at <= now())
  ) as shards`;

export async function lookAtOutbox(pool: pg.Pool): Promise<OutboxState> {
  const { rows } = await pool.query<{ operational_in_use: boolean; shards: number[] }>({
    name: 'look-at-outbox',
    text: lookSql,
  });
  return { shards: rows[0]?.shards ?? [], operationalInUse: rows[0]?.operational_in_use ?? false };
}

/** Keeps the shard from other processes until the transaction ends; false when one of them has it. */
export async function takeShard(client: pg.ClientBase, shard: number): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>(
    'select pg_try_advisory_xact_lock($1, $2) as taken',
    [lockKey, shard],
  );
  return rows[0]?.taken === true;
}

// Rows for applications that do not exist are many, and come first by their age: a few at a time hold up nobody.
const waitersReleasedMax = 20;

/** What could not be published before, and whose time has come, is next again. */
export async function releaseDue(client: pg.ClientBase, shard: number, rowsMax: number): Promise<void> {
  await client.query(
    `update posthorn.outbox set retry_at = null, waits_for_application = false where seq = any (array(
       (select seq from posthorn.outbox where shard = $1 and retry_at <= now() and not waits_for_application
        order by retry_at limit $2)
       union all
       (select seq from posthorn.outbox where shard = $1 and retry_at <= now() and waits_for_application
        order by retry_at limit $3)
     ))`,
    [shard, rowsMax, waitersReleasedMax],
  );
}

const nextSql = `
select o.seq, o.message_id as "messageId", o.environment_id as "environmentId", o.application,
  a.id as "applicationId", o.event_type as "eventType", o.event_id as "eventId", o.channels, o.tags, o.payload
from (
  select *, sum(octet_length(payload)) over (order by seq) - octet_length(payload) as bytes_before
  from (select * from posthorn.outbox where shard = $1 and retry_at is null order by seq limit $2
    for update skip locked) n
) o
left join lateral (
  select id from posthorn.application
  where environment_id = o.environment_id and (id = o.application or uid = o.application) and deleted_at is null
  order by id = o.application desc limit 1
) a on true
where o.bytes_before < $3
order by o.seq`;

/** The next rows of the shard, in the order in which they were written: the first one always, others within the bounds. */
export async function readNext(
  client: pg.ClientBase,
  shard: number,
  { rowsMax, bytesMax }: { rowsMax: number; bytesMax: number },
): Promise<OutboxRow[]> {
  const { rows } = await client.query<OutboxRow>({
    name: 'read-outbox',
    text: nextSql,
    values: [shard, rowsMax, bytesMax],
  });
  return rows;
}

/** Puts back in line what waited longest for one of these applications to exist; true when there was any. */
export async function releaseWaiting(
  client: pg.ClientBase,
  shard: number,
  { known, rowsMax }: { known: readonly OutboxRow[]; rowsMax: number },
): Promise<boolean> {
  const { rowCount } = await client.query(
    `update posthorn.outbox o set retry_at = null, waits_for_application = false
     from (select distinct * from unnest($2::text[], $3::text[]) k (environment_id, application)) k
     where o.seq = any (array(
       select w.seq from posthorn.outbox w
       where w.shard = $1 and w.waits_for_application
         and (w.environment_id, w.application) in (select * from unnest($2::text[], $3::text[]))
       order by w.seq limit $4
     )) and o.environment_id = k.environment_id and o.application = k.application`,
    [shard, known.map((row) => row.environmentId), known.map((row) => row.application), rowsMax],
  );
  return (rowCount ?? 0) > 0;
}

export async function deleteRows(client: pg.ClientBase, rows: readonly OutboxRow[]): Promise<void> {
  await client.query('delete from posthorn.outbox where seq = any ($1::bigint[])', [
    rows.map(({ seq }) => seq),
  ]);
}

/**
 * Dates what was stored now at the time when it was written, as its id is: ranges of time are looked up by the ids near
 * them (messages.ts), where a message that waited for hours would not be found by the time at which it was taken.
 */
export async function dateAsWritten(client: pg.ClientBase, rows: readonly PublishableRow[]): Promise<void> {
  await client.query(
    `update posthorn.message m set created_at = timestamptz 'epoch' + w.written_ms * interval '1 ms'
     from unnest($1::text[], $2::text[], $3::bigint[]) w (application_id, id, written_ms)
     where m.application_id = w.application_id and m.id = w.id`,
    [
      rows.map((row) => row.applicationId),
      rows.map((row) => row.messageId),
      rows.map((row) => timeOfId(row.messageId)),
    ],
  );
}

/** Sets rows aside with the reason; they are tried again after a quarter of their age, 5 s to 5 min. */
export async function setAside(
  database: Pick<pg.ClientBase, 'query'>,
  rows: readonly OutboxRow[],
  { problem, waitsForApplication }: { problem: string; waitsForApplication: boolean },
): Promise<void> {
  await database.query(
    `update posthorn.outbox set problem = $2, waits_for_application = $3,
       retry_at = now() + greatest(interval '5 s', least(interval '5 min', (now() - created_at) / 4))
     where seq = any ($1::bigint[])`,
    [rows.map(({ seq }) => seq), problem, waitsForApplication],
  );
}

/**
 * Keeps these applications and their endpoints as they are until the transaction ends; resolves with their current
 * versions. Deleted ones are left out.
 */
export async function holdApplications(
  client: pg.ClientBase,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await client.query<{ id: string; config_version: string }>(
    `select id, config_version from posthorn.application
     where id = any ($1::text[]) and deleted_at is null order by id for share`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row.config_version]));
}
