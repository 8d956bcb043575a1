// Claims for endpoints that have an order by key: of each key whose turn it is, the one in front.
import type pg from 'pg';
import type { Ordering } from '../core/ordering.ts';
import { boolArray, textArray } from './binary-array.ts';
import { claimedOf } from './claim-deliveries.ts';
import type { Claimed, ClaimLimits, ClaimRow } from './claim-deliveries.ts';
import { inTransaction } from './transaction.ts';

// Rows that get a place in one statement: a few ten milliseconds' work.
const placedMax = 5_000;

// As in claim-deliveries.ts: whoever changes what waits for an endpoint, or ends a lease of it, touches its endpoint_due
// row in the same transaction, and its rows in endpoint_key only after that. The second statement's snapshot is taken with
// that row locked, so what it says of a key is true until the commit.
const lockDueSql = `
with owner as materialized (
  select id from posthorn.process where id = $3 for key share
)
select e.endpoint_id, p.only_newer, p.ordering from posthorn.endpoint_due e
join posthorn.endpoint_order o on o.endpoint_id = e.endpoint_id and o.by_key
join posthorn.endpoint p on p.id = e.endpoint_id and p.order_by_key
where e.due_at <= now() and e.endpoint_id not in (select unnest($1::text[])) and exists (select from owner)
order by e.due_at limit $2
for update of e skip locked`;

// Of a key nothing is claimed while one with it is leased to anybody: as for an order of the endpoint, the rules of leases
// do the rest. A key has its turn (due_at) when something comes for it and when one of its leases ends; in between it has
// none, so a key with a thousand messages costs as much as a key with one. Every delivery of such an endpoint has a key:
// its message's id where the message has none.
//
// One key more than wanted is read: it tells when to look again. Keys that had their turn go behind the others. What there
// may be many of is looked up by key or by ctid, whatever a kept plan thinks of how many there are: the rows of keys that
// have their turn stay where they are while their endpoint's row is locked.
const claimSql = `
with leased as materialized (
  select d.endpoint_id, d.order_key from posthorn.process p join posthorn.delivery d on d.lease_owner = p.id
  where d.state = 'delivering' and d.endpoint_id = any ($2::text[])
), ready as materialized (
  select i.endpoint_id,
    exists (select from leased l where l.endpoint_id = i.endpoint_id and l.order_key is null) as busy,
    exists (
      select from posthorn.delivery d
      where d.endpoint_id = i.endpoint_id and d.state in ('pending', 'retrying') and d.order_at is null
    ) as unplaced
  from unnest($2::text[]) as i (endpoint_id)
), turns as materialized (
  select r.endpoint_id, k.order_key, k.newest_at, k.due_at, k.at_row,
    row_number() over (partition by r.endpoint_id order by k.due_at, k.order_key) as place
  from ready r cross join lateral (
    select order_key, newest_at, due_at, ctid as at_row from posthorn.endpoint_key
    where endpoint_id = r.endpoint_id and due_at is not null
    order by due_at limit $3::integer + 1
  ) k
  where not r.busy and not r.unplaced
), fronts as materialized (
  select t.endpoint_id, t.order_key, t.newest_at, t.place, t.at_row, w.application_id, w.message_id, w.next_attempt_at,
    coalesce((
      select octet_length(b.payload) from posthorn.message_body b
      where b.application_id = w.application_id and b.message_id = w.message_id
    ), 0) as bytes,
    exists (select from leased l where l.endpoint_id = t.endpoint_id and l.order_key = t.order_key) as busy
  from turns t left join lateral (
    select application_id, message_id, next_attempt_at from posthorn.delivery
    where endpoint_id = t.endpoint_id and order_key = t.order_key
      and state in ('pending', 'retrying') and order_at is not null
    order by order_at, message_id limit 1
  ) w on true
  where t.place <= $3 and t.due_at <= statement_timestamp()
), wanted as (
  select *, sum(bytes) over (order by place, endpoint_id, order_key) - bytes as bytes_before
  from fronts where message_id is not null and not busy and next_attempt_at <= statement_timestamp()
), locked as materialized (
  select w.application_id, w.message_id, w.endpoint_id, w.order_key
  from wanted w
  join posthorn.delivery d
    on d.application_id = w.application_id and d.message_id = w.message_id and d.endpoint_id = w.endpoint_id
  where w.bytes_before < $4::bigint
    and d.order_key = w.order_key and d.order_at is not null and d.next_attempt_at = w.next_attempt_at
  for update of d skip locked
), claimed as (
  update posthorn.delivery d
  set state = 'delivering', next_attempt_at = null, lease_owner = $1, lease_seq = d.lease_seq + 1, updated_at = now()
  from locked l
  where d.application_id = l.application_id and d.message_id = l.message_id and d.endpoint_id = l.endpoint_id
  returning d.application_id, d.message_id, d.endpoint_id, d.order_key, d.lease_seq, d.attempts, d.trigger,
    d.resume_at is not null as has_resume_at
), looked_at as materialized (
  select f.endpoint_id, f.newest_at, f.at_row, case
    when f.message_id is null or f.busy or l.message_id is not null then null
    else greatest(f.next_attempt_at, now()) end as due_at
  from fronts f left join locked l on l.endpoint_id = f.endpoint_id and l.order_key = f.order_key
), kept as (
  update posthorn.endpoint_key k set due_at = a.due_at
  from looked_at a where k.ctid = a.at_row
    and k.ctid = any (array(select at_row from looked_at where due_at is not null or newest_at is not null))
), gone as (
  delete from posthorn.endpoint_key k
  where k.ctid = any (array(select at_row from looked_at where due_at is null and newest_at is null))
), next as (
  select r.endpoint_id, least(
    (select min(a.due_at) from looked_at a where a.endpoint_id = r.endpoint_id),
    (select min(t.due_at) from turns t
      where t.endpoint_id = r.endpoint_id and (t.place > $3 or t.due_at > statement_timestamp()))
  ) as at
  from ready r where not r.busy and not r.unplaced
), later as (
  update posthorn.endpoint_due e set due_at = greatest(next.at, now())
  from next where e.endpoint_id = next.endpoint_id and next.at is not null
), done as (
  delete from posthorn.endpoint_due e using next where e.endpoint_id = next.endpoint_id and next.at is null
)
select r.endpoint_id, r.busy, r.unplaced, c.application_id, c.message_id, c.lease_seq, c.attempts, c.trigger,
  c.has_resume_at, f.newest_at, (
    select m.event_at from posthorn.message m where m.application_id = c.application_id and m.id = c.message_id
  ) as event_at
from ready r
left join claimed c on c.endpoint_id = r.endpoint_id
left join fronts f on f.endpoint_id = c.endpoint_id and f.order_key = c.order_key
order by f.place`;

// What waited before the endpoint had this order, or was resent, gets the place that its age gives it. With 'skip', one
// that has failed has the place of its next attempt (settle-deliveries.ts).
const placeSql = `
with unplaced as materialized (
  select w.*, i.skips from unnest($1::text[], $2::boolean[]) as i (endpoint_id, skips) cross join lateral (
    select application_id, message_id, endpoint_id, state, created_at, next_attempt_at from posthorn.delivery
    where endpoint_id = i.endpoint_id and state in ('pending', 'retrying') and order_at is null
    order by next_attempt_at limit $3
    for update skip locked
  ) w
), placed as (
  update posthorn.delivery d
  set order_key = coalesce((
      select m.order_key from posthorn.message m where m.application_id = u.application_id and m.id = u.message_id
    ), u.message_id),
    order_at = case when u.skips and u.state = 'retrying' then greatest(u.created_at, u.next_attempt_at)
      else u.created_at end
  from unplaced u
  where d.application_id = u.application_id and d.message_id = u.message_id and d.endpoint_id = u.endpoint_id
  returning d.application_id, d.endpoint_id, d.order_key, d.next_attempt_at
)
insert into posthorn.endpoint_key as known (endpoint_id, order_key, application_id, due_at)
select endpoint_id, order_key, min(application_id), min(next_attempt_at) from placed
group by endpoint_id, order_key order by endpoint_id, order_key
on conflict (endpoint_id, order_key) do update set due_at = least(known.due_at, excluded.due_at)`;

interface DueEndpoint {
  endpoint_id: string;
  only_newer: boolean;
  ordering: Ordering;
}

interface KeyedRow extends Omit<ClaimRow, 'message_id'> {
  /** Something is leased from before the endpoint had this order. */
  busy: boolean;
  unplaced: boolean;
  /** Null when nothing was claimed for the endpoint. */
  message_id: string | null;
  event_at: Date | null;
  newest_at: Date | null;
}

export interface ClaimedByKey {
  claimed: Claimed[];
  /** Due, but something of them is under way that has no key yet. */
  busyEndpoints: string[];
}

export function claimByKey(pool: pg.Pool, owner: number, limits: ClaimLimits): Promise<ClaimedByKey> {
  return inTransaction(pool, async (client) => {
    const { rows: due } = await client.query<DueEndpoint>({
      name: 'lock-due-by-key',
      text: lockDueSql,
      values: [textArray(limits.fullEndpoints), limits.endpointsMax, owner],
    });
    if (due.length === 0) return { claimed: [], busyEndpoints: [] };
    const first = await claimFronts(client, owner, { due, limits });
    const unplaced = new Set(first.filter((row) => row.unplaced).map((row) => row.endpoint_id));
    const toPlace = due.filter((endpoint) => unplaced.has(endpoint.endpoint_id));
    if (toPlace.length > 0) await place(client, toPlace);
    const second = toPlace.length > 0 ? await claimFronts(client, owner, { due: toPlace, limits }) : [];
    const busyEndpoints = first.filter((row) => row.busy).map((row) => row.endpoint_id);
    return {
      claimed: withTurns([...first, ...second], owner, due),
      busyEndpoints,
    };
  });
}

async function claimFronts(
  client: pg.PoolClient,
  owner: number,
  { due, limits }: { due: readonly DueEndpoint[]; limits: ClaimLimits },
): Promise<KeyedRow[]> {
  const { rows } = await client.query<KeyedRow>({
    name: 'claim-by-key',
    text: claimSql,
    values: [
      owner,
      textArray(due.map((endpoint) => endpoint.endpoint_id)),
      limits.perEndpointMax,
      limits.bytesMax,
    ],
  });
  return rows;
}

async function place(client: pg.PoolClient, endpoints: readonly DueEndpoint[]): Promise<void> {
  await client.query(placeSql, [
    textArray(endpoints.map((endpoint) => endpoint.endpoint_id)),
    boolArray(endpoints.map(({ ordering }) => ordering === 'skip')),
    Math.ceil(placedMax / endpoints.length),
  ]);
}

function withTurns(rows: readonly KeyedRow[], owner: number, due: readonly DueEndpoint[]): Claimed[] {
  const claimed = rows.flatMap(({ message_id, ...row }) =>
    message_id === null ? [] : [{ ...row, message_id }],
  );
  const endpoints = new Map(due.map((endpoint) => [endpoint.endpoint_id, endpoint]));
  return claimed.map((row) => {
    const { ordering = 'block', only_newer: onlyNewer = false } = endpoints.get(row.endpoint_id) ?? {};
    const eventAtMs = row.event_at?.getTime();
    const newestAtMs = onlyNewer ? row.newest_at?.getTime() : undefined;
    const turn = {
      ordering,
      ...(eventAtMs === undefined ? {} : { eventAtMs }),
      ...(newestAtMs === undefined ? {} : { newestAtMs }),
    };
    return { ...claimedOf(row, owner), turn };
  });
}
