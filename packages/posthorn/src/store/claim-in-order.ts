// Claims for endpoints that have one order: what is next in it, and only while nothing of the endpoint is under way.
// Endpoints with an order by key are left to claim-by-key.ts, once all places in them are of that kind.
import type pg from 'pg';
import type { Ordering } from '../core/ordering.ts';
import { boolArray, textArray } from './binary-array.ts';
import { claimedOf } from './claim-deliveries.ts';
import type { Claimed, ClaimLimits, ClaimRow } from './claim-deliveries.ts';
import { inTransaction } from './transaction.ts';

// How long a claim waits for accepts and settlements that hold an endpoint's row.
const lockTimeoutMs = 1_000;
// Rows that get a place, or lose it, in one statement: a few ten milliseconds' work.
const placedMax = 5_000;

// As in claim-deliveries.ts, all claims for an endpoint go through its endpoint_due row, and read after it is locked.
const lockDueSql = `
with owner as materialized (
  select id from posthorn.process where id = $3 for key share
)
select e.endpoint_id, p.ordering, p.order_by_key is distinct from o.by_key as switched from posthorn.endpoint_due e
join posthorn.endpoint_order o on o.endpoint_id = e.endpoint_id
left join posthorn.endpoint p on p.id = e.endpoint_id
where (e.due_at <= now() or e.endpoint_id = any ($4::text[])) and e.endpoint_id not in (select unnest($1::text[]))
  and exists (select from owner) and not (o.by_key and coalesce(p.order_by_key, false))
order by e.due_at limit $2
for update of e skip locked`;

// Whoever accepts for an endpoint holds its row for a moment, again and again. For one whose order has just come to its
// end here, the lock is waited for; the rows in the order of their ids, as everywhere.
const waitForDueSql = `
select from posthorn.endpoint_due where endpoint_id = any ($1::text[]) order by endpoint_id for update`;

// Nothing is claimed for an endpoint while one of its deliveries is leased to anybody: leases are what makes one process
// at a time its sender, what hands over when that one dies, and what keeps a claim whose answer was lost from being
// overtaken. Nor while some of what waits has no place yet.
//
// Of what waits, the front is taken: up to the first that is not due, that is too much, or that somebody has locked.
// With 'skip', one that has failed and is not due leaves the order until it is.
//
// statement_timestamp(): the transaction may have waited for a lock, and what it waited for is later than its now().
const claimSql = `
with ready as materialized (
  select i.endpoint_id, i.blocks,
    exists (
      select from posthorn.process p join posthorn.delivery d on d.lease_owner = p.id
      where d.state = 'delivering' and d.endpoint_id = i.endpoint_id
    ) as busy,
    exists (
      select from posthorn.delivery d
      where d.endpoint_id = i.endpoint_id and d.state in ('pending', 'retrying') and d.order_at is null
        and (i.blocks or d.next_attempt_at <= statement_timestamp())
    ) as unplaced
  from unnest($2::text[], $3::boolean[]) as i (endpoint_id, blocks)
), waiting as materialized (
  select w.*, coalesce(octet_length(b.payload), 0) as bytes,
    case when w.next_attempt_at <= statement_timestamp() then 'take'
      when w.state = 'retrying' and not r.blocks then 'pass'
      else 'stop' end as verdict,
    row_number() over (partition by w.endpoint_id order by w.order_at, w.message_id) as place
  from ready r cross join lateral (
    select application_id, message_id, endpoint_id, state, order_at, next_attempt_at from posthorn.delivery
    where endpoint_id = r.endpoint_id and state in ('pending', 'retrying') and order_at is not null
    order by order_at, message_id limit $4::integer + 1
  ) w
  left join posthorn.message_body b on b.application_id = w.application_id and b.message_id = w.message_id
  where not r.busy and not r.unplaced
), weighed as materialized (
  select *, sum(bytes) over (order by place, endpoint_id) - bytes as bytes_before from waiting
), locked as materialized (
  select d.message_id, d.endpoint_id
  from weighed w
  join posthorn.delivery d
    on d.application_id = w.application_id and d.message_id = w.message_id and d.endpoint_id = w.endpoint_id
  where w.verdict <> 'stop' and w.place <= $4 and w.bytes_before < $5::bigint
    and d.state = w.state and d.order_at = w.order_at and d.next_attempt_at = w.next_attempt_at
  for update of d skip locked
), front as materialized (
  select w.*, bool_or(l.message_id is null) over (partition by w.endpoint_id order by w.place) as behind
  from weighed w left join locked l on l.message_id = w.message_id and l.endpoint_id = w.endpoint_id
), claimed as (
  update posthorn.delivery d
  set state = 'delivering', next_attempt_at = null, lease_owner = $1, lease_seq = d.lease_seq + 1, updated_at = now(),
    order_key = null
  from front f
  where d.application_id = f.application_id and d.message_id = f.message_id and d.endpoint_id = f.endpoint_id
    and not f.behind and f.verdict = 'take'
  returning d.application_id, d.message_id, d.endpoint_id, d.lease_seq, d.attempts, d.trigger,
    d.resume_at is not null as has_resume_at, d.order_at
), passed as (
  update posthorn.delivery d set order_at = null
  from front f
  where d.application_id = f.application_id and d.message_id = f.message_id and d.endpoint_id = f.endpoint_id
    and not f.behind and f.verdict = 'pass'
), next as (
  select r.endpoint_id, least(
    (select case when f.place > $4 then now() else f.next_attempt_at end
      from front f where f.endpoint_id = r.endpoint_id and f.behind order by f.place limit 1),
    (select min(f.next_attempt_at) from front f
      where f.endpoint_id = r.endpoint_id and not f.behind and f.verdict = 'pass'),
    (select d.next_attempt_at from posthorn.delivery d
      where d.endpoint_id = r.endpoint_id and d.state in ('pending', 'retrying') and d.order_at is null
      order by d.next_attempt_at limit 1)
  ) as at
  from ready r where not r.busy and not r.unplaced
), later as (
  update posthorn.endpoint_due e set due_at = greatest(next.at, now())
  from next where e.endpoint_id = next.endpoint_id and next.at is not null
), done as (
  delete from posthorn.endpoint_due e using next where e.endpoint_id = next.endpoint_id and next.at is null
)
select r.endpoint_id, r.busy, r.unplaced, c.application_id, c.message_id, c.lease_seq, c.attempts, c.trigger,
  c.has_resume_at
from ready r left join claimed c on c.endpoint_id = r.endpoint_id
order by c.order_at, c.message_id`;

// What waited before the endpoint had an order, was resent, or was passed over, gets the place that its age gives it.
const placeSql = `
update posthorn.delivery d set order_at = d.created_at
from unnest($1::text[], $2::boolean[]) as i (endpoint_id, blocks) cross join lateral (
  select application_id, message_id, endpoint_id from posthorn.delivery
  where endpoint_id = i.endpoint_id and state in ('pending', 'retrying') and order_at is null
    and (i.blocks or next_attempt_at <= statement_timestamp())
  order by next_attempt_at limit $3
  for update skip locked
) w
where d.application_id = w.application_id and d.message_id = w.message_id and d.endpoint_id = w.endpoint_id`;

const unplaceSql = `
update posthorn.delivery d set order_at = null, order_key = null
from unnest($1::text[]) as i (endpoint_id) cross join lateral (
  select application_id, message_id, endpoint_id from posthorn.delivery
  where endpoint_id = i.endpoint_id and state in ('pending', 'retrying') and order_at is not null
  order by order_at limit $2
  for update skip locked
) w
where d.application_id = w.application_id and d.message_id = w.message_id and d.endpoint_id = w.endpoint_id`;

// Whoever gives a place holds this row, and so does whoever gives the endpoint an order. Not waited for: they take their
// locks the other way round.
const lockOrderSql = `
select endpoint_id from posthorn.endpoint_order where endpoint_id = any ($1::text[]) for update skip locked`;

// What was delivered last is remembered for as long as messages are (retention.ts).
const forgetOrderSql = `
with empty as materialized (
  select o.endpoint_id, p.ordering is not null and p.deleted_at is null as has_order, p.order_by_key
  from posthorn.endpoint_order o left join posthorn.endpoint p on p.id = o.endpoint_id
  where o.endpoint_id = any ($1::text[]) and not exists (
    select from posthorn.delivery d
    where d.endpoint_id = o.endpoint_id and d.state in ('pending', 'retrying') and d.order_at is not null
  ) and not exists (
    select from posthorn.process s join posthorn.delivery d on d.lease_owner = s.id
    where d.state = 'delivering' and d.endpoint_id = o.endpoint_id and d.order_at is not null
  )
), switched as (
  update posthorn.endpoint_order o set by_key = empty.order_by_key
  from empty where o.endpoint_id = empty.endpoint_id and empty.has_order
), gone as (
  delete from posthorn.endpoint_order o
  using empty where o.endpoint_id = empty.endpoint_id and empty.has_order is not true
), remembered as (
  update posthorn.endpoint_key k set due_at = null
  from empty where k.endpoint_id = empty.endpoint_id and k.due_at is not null and k.newest_at is not null
)
delete from posthorn.endpoint_key k
using empty where k.endpoint_id = empty.endpoint_id and k.newest_at is null`;

interface OrderedRow extends Omit<ClaimRow, 'message_id'> {
  busy: boolean;
  unplaced: boolean;
  /** Null when nothing was claimed for the endpoint. */
  message_id: string | null;
}

interface DueEndpoint {
  endpoint_id: string;
  ordering: Ordering | null;
  /** Its places are of an order of another kind. */
  switched: boolean;
}

interface OrderedEndpoint extends DueEndpoint {
  ordering: Ordering;
}

export interface ClaimedInOrder {
  /** In the order of each endpoint. */
  claimed: Claimed[];
  /** Due, but they have a delivery under way. */
  busyEndpoints: string[];
}

const placedEachMax = (endpointCount: number) => Math.ceil(placedMax / endpointCount);

const isOrdered = (endpoint: DueEndpoint): endpoint is OrderedEndpoint =>
  endpoint.ordering !== null && !endpoint.switched;

/** `waitFor`: endpoints whose rows are worth waiting for. */
export function claimInOrder(
  pool: pg.Pool,
  owner: number,
  { waitFor, ...limits }: ClaimLimits & { waitFor: readonly string[] },
): Promise<ClaimedInOrder> {
  return inTransaction(pool, async (client) => {
    if (waitFor.length > 0) {
      await client.query(`set local lock_timeout = ${lockTimeoutMs}`);
      await client.query(waitForDueSql, [textArray(waitFor)]);
    }
    const { rows: due } = await client.query<DueEndpoint>({
      name: 'lock-due-in-order',
      text: lockDueSql,
      values: [textArray(limits.fullEndpoints), limits.endpointsMax, owner, textArray(waitFor)],
    });
    const ordered = due.filter(isOrdered);
    const former = due.filter((endpoint) => !isOrdered(endpoint));
    if (former.length > 0) await takePlacesAway(client, former);
    if (ordered.length === 0) return { claimed: [], busyEndpoints: [] };
    return claimOrdered(client, owner, { ordered, limits });
  });
}

async function claimOrdered(
  client: pg.PoolClient,
  owner: number,
  { ordered, limits }: { ordered: readonly OrderedEndpoint[]; limits: ClaimLimits },
): Promise<ClaimedInOrder> {
  const first = await claimFront(client, owner, { ordered, limits });
  const unplaced = new Set(first.filter((row) => row.unplaced).map((row) => row.endpoint_id));
  const toPlace = ordered.filter((endpoint) => unplaced.has(endpoint.endpoint_id));
  if (toPlace.length > 0)
    await client.query(placeSql, [...endpointParameters(toPlace), placedEachMax(toPlace.length)]);
  const second = toPlace.length > 0 ? await claimFront(client, owner, { ordered: toPlace, limits }) : [];
  const claimed = [...first, ...second].flatMap(({ message_id, ...row }) =>
    message_id === null ? [] : [{ ...row, message_id }],
  );
  const orderings = new Map(ordered.map((endpoint) => [endpoint.endpoint_id, endpoint.ordering]));
  return {
    claimed: claimed.map((row) => ({
      ...claimedOf(row, owner),
      ordering: orderings.get(row.endpoint_id) ?? 'block',
    })),
    busyEndpoints: first.filter((row) => row.busy).map((row) => row.endpoint_id),
  };
}

const endpointParameters = (endpoints: readonly OrderedEndpoint[]) => [
  textArray(endpoints.map((endpoint) => endpoint.endpoint_id)),
  boolArray(endpoints.map(({ ordering }) => ordering === 'block')),
];

async function claimFront(
  client: pg.PoolClient,
  owner: number,
  { ordered, limits }: { ordered: readonly OrderedEndpoint[]; limits: ClaimLimits },
): Promise<OrderedRow[]> {
  const { rows } = await client.query<OrderedRow>({
    name: 'claim-in-order',
    text: claimSql,
    values: [owner, ...endpointParameters(ordered), limits.perEndpointMax, limits.bytesMax],
  });
  return rows;
}

/** Endpoints that have no order any more, or one of another kind: when no place is left, they are claimed for as that. */
async function takePlacesAway(client: pg.PoolClient, former: readonly DueEndpoint[]): Promise<void> {
  const endpointIds = textArray(former.map((endpoint) => endpoint.endpoint_id));
  await client.query(unplaceSql, [endpointIds, placedEachMax(former.length)]);
  const { rows } = await client.query<{ endpoint_id: string }>(lockOrderSql, [endpointIds]);
  await client.query(forgetOrderSql, [textArray(rows.map((row) => row.endpoint_id))]);
}
