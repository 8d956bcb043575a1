// Claims due deliveries, endpoint by endpoint, and leases them to a process.
import type pg from 'pg';
import type { Ordering, Turn } from '../core/ordering.ts';
import type { Trigger } from './tables.ts';
import { textArray } from './binary-array.ts';
import type { Lease } from './leases.ts';
import { inTransaction } from './transaction.ts';

/** A delivery that a claim has leased to this process. */
export interface Claimed extends Lease {
  attempts: number;
  trigger: Trigger;
  hasResumeAt: boolean;
  /** It came out of its endpoint's order: one at a time, and what its failure means to those behind it. */
  ordering?: Ordering;
  /** It is the turn of its key, at an endpoint with an order by key: no other one with that key is under way. */
  turn?: Turn;
}

// Why per endpoint: a global oldest-first scan would crawl through a dead endpoint's backlog before it found anyone
// else's work. endpoint_due has one row for each endpoint that waits, and the delivery_due index gives that endpoint's
// next rows, so the cost depends on what is claimed and not on what waits.
//
// Why two statements: the second one's snapshot is taken with the endpoint_due rows already locked. Whoever adds a
// waiting delivery touches its endpoint_due row in the same transaction, and so has either committed before that
// snapshot, or waits for our commit and then puts the row back. In one statement, a row could be locked after, and its
// deliveries read before, such a commit: the endpoint would be taken off the list with work left.
//
// Full endpoints are asked for in a hash table, which `not in (select …)` makes: `<> all ($1)` compared each of the due ones
// with each of them, seconds for 10,000 that are due and full.
//
// The process's own row is locked for the same reason as in accept-messages.ts: a process declared dead claims nothing.
// Endpoints with an order are left to claim-in-order.ts and claim-by-key.ts, and so are the rows that have a place in one.
const lockDueWhere = (which: string) => `
with owner as materialized (
  select id from posthorn.process where id = $3 for key share
)
select e.endpoint_id from posthorn.endpoint_due e
where e.due_at <= now() and ${which} and exists (select from owner)
  and not exists (select from posthorn.endpoint_order o where o.endpoint_id = e.endpoint_id)
order by e.due_at limit $2
for update of e skip locked`;
const lockDueSql = lockDueWhere('e.endpoint_id not in (select unnest($1::text[]))');
const lockDueOfSql = lockDueWhere('e.endpoint_id = any ($1::text[])');

// One row more than wanted is read: it tells when to look at this endpoint again. An endpoint with more work than it
// may have now goes behind the others (due_at = now()). What is waiting is read without locks, and only what is taken
// is locked: a row that somebody else has locked for a moment keeps its endpoint on the list. What has a next_attempt_at
// is 'pending' or 'retrying'; asking `locked` for the state would offer it the index of everything that waits.
const claimSql = `
with due as materialized (
  select unnest($2::text[]) as endpoint_id
), waiting as materialized (
  select w.*, coalesce(octet_length(b.payload), 0) as bytes,
    row_number() over (partition by w.endpoint_id order by w.next_attempt_at, w.message_id) as place
  from due cross join lateral (
    select application_id, message_id, endpoint_id, next_attempt_at from posthorn.delivery
    where endpoint_id = due.endpoint_id and state in ('pending', 'retrying') and order_at is null
    order by next_attempt_at limit $3::integer + 1
  ) w
  left join posthorn.message_body b on b.application_id = w.application_id and b.message_id = w.message_id
), wanted as (
  select *, sum(bytes) over (order by place, endpoint_id) - bytes as bytes_before
  from waiting where place <= $3 and next_attempt_at <= now()
), locked as materialized (
  select d.application_id, d.message_id, d.endpoint_id
  from wanted w
  join posthorn.delivery d
    on d.application_id = w.application_id and d.message_id = w.message_id and d.endpoint_id = w.endpoint_id
  where w.bytes_before < $4::bigint and d.next_attempt_at <= now()
  for update of d skip locked
), claimed as (
  update posthorn.delivery d
  set state = 'delivering', next_attempt_at = null, lease_owner = $1, lease_seq = d.lease_seq + 1, updated_at = now()
  from locked l
  where d.application_id = l.application_id and d.message_id = l.message_id and d.endpoint_id = l.endpoint_id
  returning d.application_id, d.message_id, d.endpoint_id, d.lease_seq, d.attempts, d.trigger,
    d.resume_at is not null as has_resume_at
), next as (
  select due.endpoint_id, min(w.next_attempt_at) filter (where l.message_id is null) as at
  from due
  left join waiting w on w.endpoint_id = due.endpoint_id
  left join locked l on l.message_id = w.message_id and l.endpoint_id = w.endpoint_id
  group by due.endpoint_id
), later as (
  update posthorn.endpoint_due e set due_at = greatest(next.at, now())
  from next where e.endpoint_id = next.endpoint_id and next.at is not null
), done as (
  delete from posthorn.endpoint_due e using next where e.endpoint_id = next.endpoint_id and next.at is null
)
select * from claimed`;

export interface ClaimRow {
  application_id: string;
  message_id: string;
  endpoint_id: string;
  lease_seq: number;
  attempts: number;
  trigger: Trigger;
  has_resume_at: boolean;
}

export interface ClaimLimits {
  endpointsMax: number;
  perEndpointMax: number;
  /** Stops with the delivery whose content reaches this. */
  bytesMax: number;
  /** Endpoints that have as much in memory as they may have. */
  fullEndpoints: readonly string[];
}

export function claimedOf(row: ClaimRow, owner: number): Claimed {
  return {
    applicationId: row.application_id,
    messageId: row.message_id,
    endpointId: row.endpoint_id,
    leaseOwner: owner,
    leaseSeq: row.lease_seq,
    attempts: row.attempts,
    trigger: row.trigger,
    hasResumeAt: row.has_resume_at,
  };
}

export function claimDeliveries(pool: pg.Pool, owner: number, limits: ClaimLimits): Promise<Claimed[]> {
  const { fullEndpoints, endpointsMax } = limits;
  const values = [textArray(fullEndpoints), endpointsMax, owner];
  return claimLocked(pool, { name: 'lock-due', text: lockDueSql, values }, { owner, ...limits });
}

/** The same for some endpoints, wherever they stand in the line of those that are due. */
export function claimDeliveriesOf(
  pool: pg.Pool,
  owner: number,
  {
    endpointIds,
    ...limits
  }: Omit<ClaimLimits, 'fullEndpoints' | 'endpointsMax'> & { endpointIds: readonly string[] },
): Promise<Claimed[]> {
  const values = [textArray(endpointIds), endpointIds.length, owner];
  return claimLocked(pool, { name: 'lock-due-of', text: lockDueOfSql, values }, { owner, ...limits });
}

function claimLocked(
  pool: pg.Pool,
  lockDue: pg.QueryConfig,
  { owner, perEndpointMax, bytesMax }: { owner: number; perEndpointMax: number; bytesMax: number },
): Promise<Claimed[]> {
  return inTransaction(pool, async (client) => {
    const due = await client.query<{ endpoint_id: string }>(lockDue);
    if (due.rows.length === 0) return [];
    const endpointIds = textArray(due.rows.map((row) => row.endpoint_id));
    const { rows } = await client.query<ClaimRow>({
      name: 'claim-deliveries',
      text: claimSql,
      values: [owner, endpointIds, perEndpointMax, bytesMax],
    });
    return rows.map((row) => claimedOf(row, owner));
  });
}

/** Which endpoint is due first, and in how many milliseconds: 0 when it is now. */
export interface NextDue {
  inMs: number;
  /** Whose it is: that of claim-in-order.ts, of claim-by-key.ts, or null. */
  order: 'endpoint' | 'key' | null;
}

/** Undefined when no endpoint waits. */
export async function nextDue(pool: pg.Pool, fullEndpoints: readonly string[]): Promise<NextDue | undefined> {
  const { rows } = await pool.query<{ ms: string; order_kind: NextDue['order'] }>({
    name: 'next-due',
    text: `select ceil(extract(epoch from e.due_at - clock_timestamp()) * 1000) as ms,
        (select case when o.by_key then 'key' else 'endpoint' end
          from posthorn.endpoint_order o where o.endpoint_id = e.endpoint_id) as order_kind
      from posthorn.endpoint_due e where e.endpoint_id not in (select unnest($1::text[])) order by e.due_at limit 1`,
    values: [textArray(fullEndpoints)],
  });
  const [row] = rows;
  return row && { inMs: Math.max(0, Number(row.ms)), order: row.order_kind };
}
