// Messages as the API reads them; acceptance writes them (accept-messages.ts).
import { sql } from 'kysely';
import type pg from 'pg';
import type { RawBuilder, Selectable, SqlBool } from 'kysely';
import { contentGone } from '../core/cancellation.ts';
import { idFloor } from '../lib/ids.ts';
import type { IdPrefix } from '../lib/ids.ts';
import type { Queries } from './database.ts';
import { inPage } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { MessageTable } from './tables.ts';

const idPrefix = 'msg_';
const minuteMs = 60_000;
// An id and the time stored beside it come from two clocks, and an attempt's id from its end: this far they can part.
export const idTimeSlackMs = 60 * minuteMs;

export type MessageRow = Pick<
  Selectable<MessageTable>,
  | 'id'
  | 'event_type'
  | 'event_id'
  | 'channels'
  | 'tags'
  | 'deliver_at'
  | 'order_key'
  | 'event_at'
  | 'created_at'
>;

/** A message without its content, and how large that is: null when it was expunged or has expired. */
export type SizedMessageRow = MessageRow & { payload_bytes: number | null };

export const messageColumns = [
  'message.id',
  'message.event_type',
  'message.event_id',
  'message.channels',
  'message.tags',
  'message.deliver_at',
  'message.order_key',
  'message.event_at',
  'message.created_at',
] as const;

// Does not read a large content: PostgreSQL keeps its size beside the pointer to it.
export const payloadBytes: RawBuilder<number | null> = sql<number | null>`(
  select octet_length(b.payload) from posthorn.message_body b
  where b.application_id = message.application_id and b.message_id = message.id
)`;

/** The smallest id that a message accepted at `timeMs` (Unix milliseconds) can have, with slack for two clocks. */
export const messageIdFloor = (timeMs: number): string =>
  idFloor(idPrefix, Math.max(timeMs - idTimeSlackMs, 0));

/** All conditions hold. */
export interface MessageFilter extends TimeRange {
  channel?: string | undefined;
  tag?: string | undefined;
  eventTypes?: readonly string[] | undefined;
}

/** Conditions on a `message` in the query, times excluded. */
export function messageConditions(filter: MessageFilter): RawBuilder<SqlBool>[] {
  const conditions: RawBuilder<SqlBool>[] = [];
  if (filter.channel !== undefined) {
    conditions.push(sql<SqlBool>`message.channels @> array[${filter.channel}]::text[]`);
  }
  if (filter.tag !== undefined) conditions.push(sql<SqlBool>`message.tags @> array[${filter.tag}]::text[]`);
  if (filter.eventTypes !== undefined) {
    conditions.push(sql<SqlBool>`message.event_type = any(${filter.eventTypes}::text[])`);
  }
  return conditions;
}

/** Above every id that a message accepted before `timeMs` can have. */
export const messageIdCeiling = (timeMs: number): string => idFloor(idPrefix, timeMs + idTimeSlackMs);

/** Both exclusive. */
export interface TimeRange {
  after?: Date | undefined;
  before?: Date | undefined;
}

/** Conditions on a time column, with bounds on the id beside it that end the index scan near the range. */
export function timeConditions(
  { after, before }: TimeRange,
  columns: { time: string; id: string; prefix: IdPrefix },
): RawBuilder<SqlBool>[] {
  const time = sql.ref(columns.time);
  const id = sql.ref(columns.id);
  const floor = (timeMs: number) => idFloor(columns.prefix, Math.max(timeMs, 0));
  const conditions: RawBuilder<SqlBool>[] = [];
  if (after !== undefined) {
    conditions.push(sql<SqlBool>`${time} > ${after} and ${id} >= ${floor(after.getTime() - idTimeSlackMs)}`);
  }
  if (before !== undefined) {
    conditions.push(sql<SqlBool>`${time} < ${before} and ${id} < ${floor(before.getTime() + idTimeSlackMs)}`);
  }
  return conditions;
}

/** The id of the message with this id or eventId (which cannot look like an id); undefined when there is none. */
export async function findMessage(
  queries: Queries,
  applicationId: string,
  idOrEventId: string,
): Promise<SizedMessageRow | undefined> {
  const id = idOrEventId.startsWith(idPrefix)
    ? sql<string>`${idOrEventId}`
    : sql<string>`(select message_id from posthorn.message_event_id
        where application_id = ${applicationId} and event_id = ${idOrEventId})`;
  return queries
    .selectFrom('message')
    .select(messageColumns)
    .select(payloadBytes.as('payload_bytes'))
    .where('message.application_id', '=', applicationId)
    .where('message.id', '=', id)
    .executeTakeFirst();
}

export async function listMessages(
  queries: Queries,
  applicationId: string,
  filter: MessageFilter,
  keyset: Keyset,
): Promise<SizedMessageRow[]> {
  const times = { time: 'message.created_at', id: 'message.id', prefix: idPrefix } as const;
  let query = queries
    .selectFrom('message')
    .select(messageColumns)
    .select(payloadBytes.as('payload_bytes'))
    .where('message.application_id', '=', applicationId);
  for (const condition of [...messageConditions(filter), ...timeConditions(filter, times)]) {
    query = query.where(condition);
  }
  return inPage(query, 'message.id', keyset).execute();
}

/** These messages without their content, by id. */
export async function findMessages(
  queries: Queries,
  applicationId: string,
  ids: readonly string[],
): Promise<Map<string, MessageRow>> {
  const rows = await queries
    .selectFrom('message')
    .select(messageColumns)
    .where('message.application_id', '=', applicationId)
    .where(sql<SqlBool>`message.id = any(${ids}::text[])`)
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

/** The content of these messages, by id; none where it was expunged or has expired. */
export async function findPayloads(
  queries: Queries,
  applicationId: string,
  ids: readonly string[],
): Promise<Map<string, Buffer>> {
  const rows = await queries
    .selectFrom('message_body')
    .select(['message_id', 'payload'])
    .where('application_id', '=', applicationId)
    .where(sql<SqlBool>`message_id = any(${ids}::text[])`)
    .execute();
  return new Map(rows.map((row) => [row.message_id, row.payload]));
}

/** Empty when the message is gone. */
export async function findEventType(
  pool: pg.Pool,
  { applicationId, messageId }: { applicationId: string; messageId: string },
): Promise<string> {
  const { rows } = await pool.query<{ event_type: string }>(
    'select event_type from posthorn.message where application_id = $1 and id = $2',
    [applicationId, messageId],
  );
  return rows[0]?.event_type ?? '';
}

/**
 * Deletes the content of these messages for good, and answers the ids of those that had one; the messages themselves and
 * their attempts stay. What waits to be delivered is cancelled: it may wait for days, and would find nothing to send. What
 * is under way goes on.
 */
export async function expungePayloads(
  queries: Queries,
  applicationId: string,
  ids: readonly string[],
): Promise<string[]> {
  // Whoever stood behind one of them in an order may go at once.
  const { rows } = await sql<{ message_id: string }>`
    with gone as (
      delete from posthorn.message_body
      where application_id = ${applicationId} and message_id = any(${ids}::text[])
      returning message_id
    ), cancelled as (
      update posthorn.delivery
      set state = 'cancelled', next_attempt_at = null, resume_at = null, updated_at = now(),
        cancel_reason = 'content_gone', cancel_detail = ${contentGone}
      where application_id = ${applicationId} and message_id = any(${ids}::text[])
        and state in ('pending', 'retrying')
      returning endpoint_id, order_at, order_key
    ), due as (
      insert into posthorn.endpoint_due as due (endpoint_id, application_id, due_at)
      select endpoint_id, ${applicationId}, now() from cancelled
      where order_at is not null group by endpoint_id order by endpoint_id
      on conflict (endpoint_id) do update set due_at = least(due.due_at, excluded.due_at)
      returning endpoint_id
    ), turns as (
      insert into posthorn.endpoint_key as known (endpoint_id, order_key, application_id, due_at)
      select endpoint_id, order_key, ${applicationId}, now() from cancelled
      where order_at is not null and order_key is not null and (select count(*) from due) > 0
      group by endpoint_id, order_key order by endpoint_id, order_key
      on conflict (endpoint_id, order_key) do update set due_at = least(known.due_at, excluded.due_at)
    )
    select message_id from gone`.execute(queries);
  return rows.map((row) => row.message_id);
}

/** The ids of the messages that these ids and eventIds name, by what names them; the unknown are left out. */
export async function findMessageIds(
  queries: Queries,
  applicationId: string,
  idsOrEventIds: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await sql<{ name: string; id: string }>`
    select id as name, id from posthorn.message
    where application_id = ${applicationId} and id = any(${idsOrEventIds}::text[])
    union all
    select event_id, message_id from posthorn.message_event_id
    where application_id = ${applicationId} and event_id = any(${idsOrEventIds}::text[])`.execute(queries);
  return new Map(rows.map(({ name, id }) => [name, id]));
}
