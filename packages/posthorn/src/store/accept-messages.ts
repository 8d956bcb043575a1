// Accepts a batch of messages in one statement: idempotency, event ids, messages and their deliveries, all or nothing.
import type pg from 'pg';
import type { Cancellation } from '../core/cancellation.ts';
import { boolArray, byteaArray, int8Array, textArray } from './binary-array.ts';

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
  /**
   * `leased`: the accepting process sends it itself, at once; otherwise it waits in the database. `ordered`: it gets a
   * place in its endpoint's order, behind all that came before; then it is never leased here. `cancellation`: the
   * endpoint's filter keeps the message from it; then it is neither, and is stored as cancelled.
   */
  deliveries: { endpointId: string; leased: boolean; ordered?: boolean; cancellation?: Cancellation }[];
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
  { places, createdAt, orderAt, placed, wishes = withoutWishes }: StatementParts,
  { columns, cancelled, isOpen, values, input, arrays }: FilterParts = withoutFilter,
) => `
${storingSql(wishes)}), ${wishes.effects}${places}planned as (
  insert into posthorn.delivery
    (application_id, message_id, endpoint_id, state, next_attempt_at, lease_owner, lease_seq, created_at, order_at${columns})
  select s.application_id, s.id, d.endpoint_id,
    case when d.leased then 'delivering'${cancelled} else 'pending' end::posthorn.delivery_state,
    case when not d.leased${isOpen} then ${wishes.firstAt} end,
    case when d.leased then $15::integer end,
    case when d.leased then 1 else 0 end, ${createdAt}, ${orderAt}${values}
  from (
    select message_id, endpoint_id, wanted and exists (select from owner) as leased${input}
    from unnest($11::text[], $12::text[], $13::boolean[]${arrays}) as w (message_id, endpoint_id, wanted${columns})
  ) d
  join stored s on s.id = d.message_id ${placed}
  returning application_id, endpoint_id, next_attempt_at
), due as (
  insert into posthorn.endpoint_due (endpoint_id, application_id, due_at)
  select endpoint_id, min(application_id), min(next_attempt_at) from planned
  where next_attempt_at is not null group by endpoint_id order by endpoint_id
  on conflict (endpoint_id) do update set due_at = least(endpoint_due.due_at, excluded.due_at)
)
select now() as created_at, exists (select from owner) as lease_granted,
  array(select id from input where id not in (select id from current)) as stale,
  array(select id from current where id not in (select id from stored)) as conflicting`;

interface StatementParts {
  places: string;
  createdAt: string;
  orderAt: string;
  placed: string;
  wishes?: WishParts;
}

/** What only a message with wishes of its own needs: the statement for all others is not burdened with it. */
interface WishParts {
  arrays: string;
  names: string;
  columns: string;
  values: string;
  returned: string;
  effects: string;
  firstAt: string;
}

const firstAt = "now() + $14::bigint * interval '1 ms'";
const withoutWishes: WishParts = {
  arrays: '',
  names: '',
  columns: '',
  values: '',
  returned: '',
  effects: '',
  firstAt,
};

/** What only deliveries that a filter has cancelled need. */
interface FilterParts {
  columns: string;
  cancelled: string;
  isOpen: string;
  values: string;
  input: string;
  arrays: string;
}

const withoutFilter: FilterParts = {
  columns: '',
  cancelled: '',
  isOpen: '',
  values: '',
  input: '',
  arrays: '',
};

/** `first` is the number of the first of its two parameters. */
const withFilter = (first: number): FilterParts => ({
  columns: ', cancel_reason, cancel_detail',
  cancelled: " when not d.open then 'cancelled'",
  isOpen: ' and d.open',
  values: ', d.cancel_reason, d.cancel_detail',
  input: ', cancel_reason, cancel_detail, cancel_reason is null as open',
  arrays: `, $${first}::text[], $${first + 1}::text[]`,
});

const withoutOrder: StatementParts = { places: '', createdAt: 'now()', orderAt: 'null', placed: '' };

// The endpoint's row stays locked until the commit, so places grow in the order of the commits: whoever sees one sees
// all before it. A place is a time, so that it can be compared with deliveries from before the endpoint had an order.
const orderParts = (placeOf: (place: string) => string, more: string) => ({
  places: `ordered as materialized (
  select w.endpoint_id, w.message_id, s.application_id${more},
    row_number() over (partition by w.endpoint_id order by w.place) as place,
    count(*) over (partition by w.endpoint_id) as places
  from unnest($11::text[], $12::text[], $16::boolean[]) with ordinality as w (message_id, endpoint_id, ordered, place)
  join stored s on s.id = w.message_id
  where w.ordered
), last as (
  insert into posthorn.endpoint_order (endpoint_id, application_id, last_at)
  select endpoint_id, min(application_id), clock_timestamp() + count(*) * interval '1 us'
  from ordered group by endpoint_id order by endpoint_id
  on conflict (endpoint_id) do update set last_at = greatest(endpoint_order.last_at, clock_timestamp())
    + (select count(*) from ordered where ordered.endpoint_id = excluded.endpoint_id) * interval '1 us'
  returning endpoint_id, last_at
), placed as materialized (
  select o.endpoint_id, o.message_id, ${placeOf("l.last_at - (o.places - o.place) * interval '1 us'")} as order_at
  from ordered o join last l on l.endpoint_id = o.endpoint_id
), `,
  createdAt: 'coalesce(p.order_at, now())',
  orderAt: 'p.order_at',
  placed: 'left join placed p on p.message_id = d.message_id and p.endpoint_id = d.endpoint_id',
});
const withOrder: StatementParts = orderParts((place) => place, '');

// A later delivery waits in the database like any other that is not due. Its place in an order is the time at which it
// is to begin: whatever is accepted until then goes before it. The same holds for its place in the feed, which is
// locked until the commit for the same reason as the places of an order.
const withWishes: StatementParts = {
  ...orderParts((place) => `greatest(o.deliver_at, ${place})`, ', s.deliver_at'),
  createdAt: 'coalesce(greatest(s.deliver_at, p.order_at), now())',
  wishes: {
    arrays: ', $17::text[], $18::bigint[], $19::bigint[], $20::boolean[], $21::text[]',
    names: ', content_type, deliver_at_ms, content_hours, fed, request_id',
    columns: ', content_type, deliver_at, request_id',
    values: `,
    coalesce(content_type, 'application/json'), timestamptz 'epoch' + deliver_at_ms * interval '1 ms', request_id`,
    returned: ', deliver_at',
    effects: `expiring as (
  insert into posthorn.message_expiry (application_id, message_id, expires_at)
  select i.application_id, i.id, now() + i.content_hours * interval '1 hour'
  from input i join stored s on s.id = i.id where i.content_hours is not null
), feeding as materialized (
  select s.application_id, s.id, s.deliver_at,
    row_number() over (partition by s.application_id order by s.id) as place,
    count(*) over (partition by s.application_id) as places
  from input i join stored s on s.id = i.id where i.fed
), feed as (
  insert into posthorn.application_feed (application_id, last_place)
  select application_id, (extract(epoch from clock_timestamp()) * 1000000)::bigint + count(*)
  from feeding group by application_id order by application_id
  on conflict (application_id) do update
    set last_place = greatest(application_feed.last_place, (extract(epoch from clock_timestamp()) * 1000000)::bigint)
      + (select count(*) from feeding where feeding.application_id = excluded.application_id)
  returning application_id, last_place
), fed as (
  insert into posthorn.message_feed (application_id, place, message_id)
  select f.application_id,
    greatest((extract(epoch from f.deliver_at) * 1000000)::bigint, l.last_place - f.places + f.place), f.id
  from feeding f join feed l on l.application_id = f.application_id
), `,
    firstAt: `greatest(s.deliver_at, ${firstAt})`,
  },
};

// Whoever needs none of this pays for none of it.
const statements = {
  plain: { name: 'accept-messages', text: acceptSql(withoutOrder) },
  inOrder: { name: 'accept-messages-in-order', text: acceptSql(withOrder) },
  withWishes: { name: 'accept-messages-with-wishes', text: acceptSql(withWishes) },
};
// The same with deliveries that a filter has cancelled.
const filteredStatements: typeof statements = {
  plain: { name: 'accept-filtered', text: acceptSql(withoutOrder, withFilter(16)) },
  inOrder: { name: 'accept-filtered-in-order', text: acceptSql(withOrder, withFilter(17)) },
  withWishes: { name: 'accept-filtered-with-wishes', text: acceptSql(withWishes, withFilter(22)) },
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
  const hasWishes = messages.some(hasWish);
  const hasOrder = hasWishes || deliveries.some((d) => d.ordered);
  const hasCancelled = deliveries.some((d) => d.cancellation);
  const { plain, inOrder, withWishes: wishing } = hasCancelled ? filteredStatements : statements;
  const statement = hasOrder ? inOrder : plain;
  const { rows } = await database.query<AcceptRow>({
    ...(hasWishes ? wishing : statement),
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
      ...(hasCancelled ? cancellationArrays(deliveries) : []),
    ],
  });
  return storedMessages(messages, rows[0]);
}

const hasWish = ({ contentType, deliverAt, contentHours, fed, requestId }: MessageToStore) =>
  fed === true || [contentType, deliverAt, contentHours, requestId].some((wish) => wish !== undefined);

const wishArrays = (messages: readonly MessageToStore[]) => [
  textArray(messages.map((m) => m.contentType)),
  int8Array(messages.map((m) => m.deliverAt?.getTime())),
  int8Array(messages.map((m) => m.contentHours)),
  boolArray(messages.map((m) => m.fed === true)),
  textArray(messages.map((m) => m.requestId)),
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
