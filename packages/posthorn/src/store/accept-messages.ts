// Accepts a batch of messages in one statement: idempotency, event ids, messages and their deliveries, all or nothing.
import type pg from 'pg';
import type { Cancellation } from '../core/cancellation.ts';
import {
  type FilterParts,
  type StatementParts,
  type WishParts,
  withFilter,
  withKeys,
  withOrder,
  withoutFilter,
  withoutKeys,
  withoutOrder,
  withoutWishes,
  withWishes,
} from './accept-parts.ts';
import { boolArray, byteaArray, int8Array, textArray } from './binary-array.ts';
import { waitsForLocks } from './lock-wait.ts';

// Of the rows that a batch takes, `endpoint_due` is what somebody else may have locked. What is given up had no effect.
const lockWaitMs = 1_000;

export interface DeliveryToStore {
  endpointId: string;
  leased: boolean;
  ordered?: boolean;
  byKey?: boolean;
  cancellation?: Cancellation;
}

/** A message with the deliveries that its application's configuration, at `configVersion`, gives it. */
export interface MessageToStore {
  id: string;
  applicationId: string;
  configVersion: string;
  eventType: string;
  eventId?: string | undefined;
  channels?: readonly string[] | undefined;
  tags?: readonly string[] | undefined;
  payload: Uint8Array;
  idempotency?: { key: string; fingerprint: Uint8Array } | undefined;
  /** JSON unless given. */
  contentType?: string | undefined;
  /** When its deliveries begin: none of them may be `leased`. */
  deliverAt?: Date | undefined;
  /** After this its content goes; as long as the environment keeps it unless given. */
  contentHours?: number | undefined;
  /** The application has pollers: the message gets a place in its feed. */
  fed?: boolean | undefined;
  /** The provider's request that it came in. */
  requestId?: string | undefined;
  /** Endpoints with an order by key deliver messages with the same one in order. */
  orderKey?: string | undefined;
  /** When what it tells happened. */
  eventAt?: Date | undefined;
  /**
   * `leased`: the accepting process sends it itself, at once; otherwise it waits in the database. `ordered`: it gets a
   * place in its endpoint's order, or in that of its key (`byKey`), behind all that came before; then it is never leased
   * here. `cancellation`: the endpoint's filter keeps the message from it; then it is none of these, and is stored as
   * cancelled.
   */
  deliveries: DeliveryToStore[];
}

export type StoredMessage =
  /** `leaseGranted`: the deliveries asked for as leased are; false when this process was declared dead meanwhile. */
  | { kind: 'stored'; createdAt: Date; leaseGranted: boolean }
  /** The application or its endpoints changed since configVersion, or the application is gone. */
  | { kind: 'stale' }
  /** Its idempotency key or event id is taken; `findConflicts` tells by whom. */
  | { kind: 'conflict' };

// Why the version is compared: the deliveries were matched in memory, against configVersion. A message may only be
// stored with them while that is still the current configuration, so a new endpoint misses no message and a removed
// one gets none, without a cache that could be stale.
// Why the process's own row is locked: a process that was declared dead must not lease anything to itself any more
// (its leases have been given back already, and nobody would look again). Then its deliveries wait instead.
// The inserts that can meet a concurrent statement are sorted, so that two batches cannot deadlock.
const storingSql = (wishes: WishParts) => `
with input as materialized (
  select * from unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::text[], $10::bytea[]${wishes.arrays}
  ) as i (application_id, id, config_version, event_type, event_id, channels, tags, payload, key, fingerprint${wishes.names})
  where ${waitsForLocks(lockWaitMs)}
), owner as materialized (
  select id from posthorn.process where id = $15 for key share
), current as materialized (
  select i.* from input i
  join posthorn.application a
    on a.id = i.application_id and a.config_version = i.config_version and a.deleted_at is null
  where a.id = any ($1::text[])
), keyed as (
  insert into posthorn.idempotency_key (application_id, key, fingerprint, message_id)
  select application_id, key, fingerprint, id from current where key is not null
  order by application_id, key
  on conflict do nothing
  returning message_id
), fresh as materialized (
  select * from current where key is null or id in (select message_id from keyed)
), named as (
  insert into posthorn.message_event_id (application_id, event_id, message_id)
  select application_id, event_id, id from fresh where event_id is not null
  order by application_id, event_id
  on conflict do nothing
  returning message_id
), stored as (
  insert into posthorn.message (application_id, id, event_type, event_id, channels, tags${wishes.columns})
  select application_id, id, event_type, event_id,
    string_to_array(channels, e'\\x1f'), string_to_array(tags, e'\\x1f')${wishes.values}
  from fresh where event_id is null or id in (select message_id from named)
  returning application_id, id${wishes.returned}
), kept as (
  insert into posthorn.message_body (application_id, message_id, payload)
  select application_id, id, payload from fresh where event_id is null or id in (select message_id from named)
`;

const acceptSql = (
  { places, createdAt, orderAt, placed, wishes = withoutWishes, keys = withoutKeys }: StatementParts,
  { columns, cancelled, isOpen, values, input, arrays }: FilterParts = withoutFilter,
) => `
${storingSql(wishes)}), ${wishes.effects}${places}planned as (
  insert into posthorn.delivery
    (application_id, message_id, endpoint_id, state, next_attempt_at, lease_owner, lease_seq, created_at, order_at${keys.column}${columns})
  select s.application_id, s.id, d.endpoint_id,
    case when d.leased then 'delivering'${cancelled} else 'pending' end::posthorn.delivery_state,
    case when not d.leased${isOpen} then ${wishes.firstAt} end,
    case when d.leased then $15::integer end,
    case when d.leased then 1 else 0 end, ${createdAt}, ${orderAt}${keys.value}${values}
  from (
    select message_id, endpoint_id, wanted and exists (select from owner) as leased${input}
    from unnest($11::text[], $12::text[], $13::boolean[]${arrays}) as w (message_id, endpoint_id, wanted${columns})
  ) d
  join stored s on s.id = d.message_id ${placed}
  returning application_id, endpoint_id, next_attempt_at${keys.column}
), due as (
  insert into posthorn.endpoint_due (endpoint_id, application_id, due_at)
  select endpoint_id, min(application_id), min(next_attempt_at) from planned
  where next_attempt_at is not null group by endpoint_id order by endpoint_id
  on conflict (endpoint_id) do update set due_at = least(endpoint_due.due_at, excluded.due_at)${keys.effects}
)
select now() as created_at, exists (select from owner) as lease_granted,
  array(select id from input where id not in (select id from current)) as stale,
  array(select id from current where id not in (select id from stored)) as conflicting`;

// Whoever needs none of this pays for none of it.
const statements = {
  plain: { name: 'accept-messages', text: acceptSql(withoutOrder) },
  inOrder: { name: 'accept-messages-in-order', text: acceptSql(withOrder) },
  withWishes: { name: 'accept-messages-with-wishes', text: acceptSql(withWishes) },
  withKeys: { name: 'accept-messages-with-keys', text: acceptSql(withKeys) },
};
// The same with deliveries that a filter has cancelled.
const filteredStatements: typeof statements = {
  plain: { name: 'accept-filtered', text: acceptSql(withoutOrder, withFilter(16)) },
  inOrder: { name: 'accept-filtered-in-order', text: acceptSql(withOrder, withFilter(17)) },
  withWishes: { name: 'accept-filtered-with-wishes', text: acceptSql(withWishes, withFilter(24)) },
  withKeys: { name: 'accept-filtered-with-keys', text: acceptSql(withKeys, withFilter(25)) },
};

// Channels and tags cannot contain it: the API allows only printable text.
const listSeparator = '\u001f';

const joined = (list: readonly string[] | undefined) => (list?.length ? list.join(listSeparator) : null);

// Nearly always all are stored: named are those that are not.
interface AcceptRow {
  created_at: Date;
  lease_granted: boolean;
  stale: string[];
  conflicting: string[];
}

function cancellationArrays(deliveries: MessageToStore['deliveries']): unknown[] {
  return [
    textArray(deliveries.map(({ cancellation }) => cancellation?.reason)),
    textArray(deliveries.map(({ cancellation }) => cancellation?.detail)),
  ];
}

/** The result for each message by its id. `database`: the pool, or the connection of a transaction. `lease.owner` is the process that the leased deliveries belong to. */
export async function acceptMessages(
  database: Pick<pg.ClientBase, 'query'>,
  messages: readonly MessageToStore[],
  lease: { owner: number; firstDelayMs: number },
): Promise<Map<string, StoredMessage>> {
  const deliveries = messages.flatMap((message) =>
    message.deliveries.map((d) => ({ ...d, messageId: message.id })),
  );
  const hasKeys = deliveries.some((d) => d.byKey);
  const hasWishes = hasKeys || messages.some(hasWish);
  const hasOrder = hasWishes || deliveries.some((d) => d.ordered);
  const hasCancelled = deliveries.some((d) => d.cancellation);
  const { rows } = await database.query<AcceptRow>({
    ...(hasCancelled ? filteredStatements : statements)[purposeOf({ hasKeys, hasWishes, hasOrder })],
    values: [
      textArray(messages.map((m) => m.applicationId)),
      textArray(messages.map((m) => m.id)),
      int8Array(messages.map((m) => m.configVersion)),
      textArray(messages.map((m) => m.eventType)),
      textArray(messages.map((m) => m.eventId)),
      textArray(messages.map((m) => joined(m.channels))),
      textArray(messages.map((m) => joined(m.tags))),
      byteaArray(messages.map((m) => m.payload)),
      textArray(messages.map((m) => m.idempotency?.key)),
      byteaArray(messages.map((m) => m.idempotency?.fingerprint)),
      textArray(deliveries.map((d) => d.messageId)),
      textArray(deliveries.map((d) => d.endpointId)),
      boolArray(deliveries.map((d) => d.leased)),
      lease.firstDelayMs,
      lease.owner,
      ...(hasOrder ? [boolArray(deliveries.map((d) => d.ordered === true))] : []),
      ...(hasWishes ? wishArrays(messages) : []),
      ...(hasKeys ? [boolArray(deliveries.map((d) => d.byKey === true))] : []),
      ...(hasCancelled ? cancellationArrays(deliveries) : []),
    ],
  });
  return storedMessages(messages, rows[0]);
}

function purposeOf({ hasKeys, hasWishes, hasOrder }: Record<'hasKeys' | 'hasWishes' | 'hasOrder', boolean>) {
  if (hasKeys) return 'withKeys';
  if (hasWishes) return 'withWishes';
  return hasOrder ? 'inOrder' : 'plain';
}

const hasWish = ({
  contentType,
  deliverAt,
  contentHours,
  fed,
  requestId,
  orderKey,
  eventAt,
}: MessageToStore) =>
  fed === true ||
  [contentType, deliverAt, contentHours, requestId, orderKey, eventAt].some((wish) => wish !== undefined);

const wishArrays = (messages: readonly MessageToStore[]) => [
  textArray(messages.map((m) => m.contentType)),
  int8Array(messages.map((m) => m.deliverAt?.getTime())),
  int8Array(messages.map((m) => m.contentHours)),
  boolArray(messages.map((m) => m.fed === true)),
  textArray(messages.map((m) => m.requestId)),
  textArray(messages.map((m) => m.orderKey)),
  int8Array(messages.map((m) => m.eventAt?.getTime())),
];

function storedMessages(
  messages: readonly MessageToStore[],
  row: AcceptRow | undefined,
): Map<string, StoredMessage> {
  if (!row) throw new Error('the accept statement returned no row');
  const stored = { kind: 'stored', createdAt: row.created_at, leaseGranted: row.lease_granted } as const;
  const results = new Map<string, StoredMessage>(messages.map(({ id }) => [id, stored]));
  for (const id of row.stale) results.set(id, { kind: 'stale' });
  for (const id of row.conflicting) results.set(id, { kind: 'conflict' });
  return results;
}

/** What holds the idempotency key and the event id that a refused message asked for. */
export interface Conflict {
  /** The message that the key led to; `createdAt` is null when that message was itself refused or has been dropped. */
  key?: { messageId: string; fingerprint: Buffer; createdAt: Date | null };
  eventIdTakenBy?: string;
}

const conflictsSql = `
select i.id, k.message_id as key_message_id, k.fingerprint, m.created_at, e.message_id as event_message_id
from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as i (application_id, id, key, event_id)
left join posthorn.idempotency_key k on k.application_id = i.application_id and k.key = i.key
left join posthorn.message m on m.application_id = k.application_id and m.id = k.message_id
left join posthorn.message_event_id e on e.application_id = i.application_id and e.event_id = i.event_id`;

interface ConflictRow {
  id: string;
  key_message_id: string | null;
  fingerprint: Buffer | null;
  created_at: Date | null;
  event_message_id: string | null;
}

export async function findConflicts(
  pool: pg.Pool,
  messages: readonly MessageToStore[],
): Promise<Map<string, Conflict>> {
  const { rows } = await pool.query<ConflictRow>(conflictsSql, [
    textArray(messages.map((m) => m.applicationId)),
    textArray(messages.map((m) => m.id)),
    textArray(messages.map((m) => m.idempotency?.key)),
    textArray(messages.map((m) => m.eventId)),
  ]);
  return new Map(
    rows.map((row) => {
      const conflict: Conflict = {};
      if (row.key_message_id !== null && row.fingerprint !== null) {
        conflict.key = {
          messageId: row.key_message_id,
          fingerprint: row.fingerprint,
          createdAt: row.created_at,
        };
      }
      if (row.event_message_id !== null) conflict.eventIdTakenBy = row.event_message_id;
      return [row.id, conflict];
    }),
  );
}
