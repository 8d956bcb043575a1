// Leases: giving back what a process holds, taking back what a dead one held, and what is left to do for one that is lost.
import type pg from 'pg';
import { int4Array, textArray } from './binary-array.ts';
import { inTransaction } from './transaction.ts';

/** Which claim of which delivery: the transition is applied only while this lease still holds. */
export interface Lease {
  applicationId: string;
  messageId: string;
  endpointId: string;
  leaseOwner: number;
  leaseSeq: number;
}

export const leaseKey = ({ messageId, endpointId, leaseOwner, leaseSeq }: Lease): string =>
  `${messageId} ${endpointId} ${leaseOwner} ${leaseSeq}`;

/** The lowest and the highest: what lets PostgreSQL leave out all other partitions. */
export function messageIdBounds(leases: readonly Lease[]): [lowest: string, highest: string] {
  const ids = leases.map(({ messageId }) => messageId).toSorted();
  return [ids[0] ?? '', ids.at(-1) ?? ''];
}

// A delivery that is given back waits for its next claim, which may come at once. It counts no attempt: whether the
// interrupted one arrived is not known, and sending it again is the promise.
const giveBack = (dueAt: string) => `
  set state = case when d.attempts = 0 then 'pending' else 'retrying' end::posthorn.delivery_state,
    next_attempt_at = ${dueAt}, lease_owner = null, updated_at = now()`;

// With the turns of their keys, where they have some: endpoint_due is locked before endpoint_key.
const markDue = (dueAt: string) => `due as (
  insert into posthorn.endpoint_due (endpoint_id, application_id, due_at)
  select endpoint_id, min(application_id), ${dueAt} from released group by endpoint_id order by endpoint_id
  on conflict (endpoint_id) do update set due_at = least(endpoint_due.due_at, excluded.due_at)
  returning endpoint_id
), turns as (
  insert into posthorn.endpoint_key as known (endpoint_id, order_key, application_id, due_at)
  select endpoint_id, order_key, min(application_id), ${dueAt} from released
  where order_at is not null and order_key is not null and (select count(*) from due) > 0
  group by endpoint_id, order_key order by endpoint_id, order_key
  on conflict (endpoint_id, order_key) do update set due_at = least(known.due_at, excluded.due_at)
)`;

// Planned once and kept, for the reasons of settle-deliveries.ts.
const dueLater = "now() + $6::bigint * interval '1 ms'";
const releaseSql = `
with input as materialized (
  select * from unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::integer[])
    as i (application_id, message_id, endpoint_id, lease_owner, lease_seq)
  where lease_owner >= 0 and lease_seq >= 0
), released as (
  update posthorn.delivery d ${giveBack(dueLater)}
  from input i
  where d.message_id between concat($7::text) and concat($8::text)
    and d.application_id = i.application_id and d.message_id = i.message_id and d.endpoint_id = i.endpoint_id
    and d.lease_owner = i.lease_owner and d.lease_seq = i.lease_seq
  returning d.application_id, d.endpoint_id, d.order_at, d.order_key
), ${markDue(dueLater)}
select count(*)::integer as count from released`;

/**
 * Gives back deliveries that this process holds and will not send, to be claimed in `delayMs` at the earliest; returns
 * how many leases still held.
 */
export async function releaseLeases(pool: pg.Pool, leases: readonly Lease[], delayMs = 0): Promise<number> {
  if (leases.length === 0) return 0;
  const values = [
    textArray(leases.map((lease) => lease.applicationId)),
    textArray(leases.map((lease) => lease.messageId)),
    textArray(leases.map((lease) => lease.endpointId)),
    int4Array(leases.map((lease) => lease.leaseOwner)),
    int4Array(leases.map((lease) => lease.leaseSeq)),
    Math.ceil(delayMs),
    ...messageIdBounds(leases),
  ];
  const { rows } = await pool.query<{ count: number }>({ name: 'release-leases', text: releaseSql, values });
  return rows[0]?.count ?? 0;
}

// A resend by hand that came after the lease was lost is wanted all the same. What has its turn in an order is left to its
// new holder: the next one must not go while it is under way. Locked in the order of their keys: whoever settles late in
// another process may have the same ones.
const endDeliveredSql = `
with input as materialized (
  select * from unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::integer[])
    as i (application_id, message_id, endpoint_id, lease_seq, attempts)
), locked as materialized (
  select d.application_id, d.message_id, d.endpoint_id, i.attempts
  from input i join posthorn.delivery d
    on d.application_id = i.application_id and d.message_id = i.message_id and d.endpoint_id = i.endpoint_id
  where d.trigger = 'scheduled'
    and (d.state in ('pending', 'retrying') and d.lease_seq >= i.lease_seq
      or d.state = 'delivering' and d.order_at is null and d.lease_seq > i.lease_seq)
  order by d.message_id, d.endpoint_id for update of d
), released as (
  update posthorn.delivery d
  set state = 'succeeded', attempts = greatest(d.attempts, l.attempts), next_attempt_at = null, resume_at = null,
    lease_owner = null, updated_at = now()
  from locked l
  where d.application_id = l.application_id and d.message_id = l.message_id and d.endpoint_id = l.endpoint_id
  returning d.application_id, d.endpoint_id, d.order_at, d.order_key
), ${markDue('now()')}
select count(*)::integer as count from released`;

/**
 * Ends deliveries whose attempt succeeded under a lease that was lost meanwhile, whoever holds them now, but for those
 * that have their turn in an order: what is recorded as delivered is not sent again. Returns how many there were; those that have ended are passed over.
 */
export async function endDelivered(
  database: Pick<pg.ClientBase, 'query'>,
  delivered: readonly (Lease & { transition: { attempts: number } })[],
): Promise<number> {
  if (delivered.length === 0) return 0;
  const { rows } = await database.query<{ count: number }>(endDeliveredSql, [
    textArray(delivered.map((one) => one.applicationId)),
    textArray(delivered.map((one) => one.messageId)),
    textArray(delivered.map((one) => one.endpointId)),
    int4Array(delivered.map((one) => one.leaseSeq)),
    int4Array(delivered.map((one) => one.transition.attempts)),
  ]);
  return rows[0]?.count ?? 0;
}

/** Everything leased to the process `owner`, as the database sees it. */
export async function listLeases(pool: pg.Pool, owner: number): Promise<Lease[]> {
  const { rows } = await pool.query<{
    application_id: string;
    message_id: string;
    endpoint_id: string;
    lease_seq: number;
  }>(
    `select application_id, message_id, endpoint_id, lease_seq from posthorn.delivery
     where lease_owner = $1 and state = 'delivering'`,
    [owner],
  );
  return rows.map((row) => ({
    applicationId: row.application_id,
    messageId: row.message_id,
    endpointId: row.endpoint_id,
    leaseOwner: owner,
    leaseSeq: row.lease_seq,
  }));
}

// Locked first, in a statement of its own: whoever leases something to a process holds that process's row, so what the
// second statement sees of its leases is complete. Of several survivors, one gets the lock and does the work.
const lockDeadSql = `
select id from posthorn.process
where heartbeat_at < now() - $1::bigint * interval '1 ms' and id = any ($3::integer[]) or id = any ($2::integer[])
for update skip locked`;

const recoverSql = `
with released as (
  update posthorn.delivery d ${giveBack('now()')}
  where d.lease_owner = any ($1::integer[]) and d.state = 'delivering'
  returning d.application_id, d.endpoint_id, d.order_at, d.order_key
), ${markDue('now()')}, buried as (
  delete from posthorn.process where id = any ($1::integer[])
)
select count(*)::integer as count from released`;

export interface Recovered {
  processIds: number[];
  deliveryCount: number;
}

/**
 * Frees the leases of those of `silentIds` whose heartbeat is older than `silentMaxMs` still, and of those known to be
 * dead (`deadIds`), and forgets these processes. Of nobody else: between a heartbeat that names the silent ones and this,
 * the database can have been away for so long that all look silent.
 */
export function recoverLeases(
  pool: pg.Pool,
  silentMaxMs: number,
  { deadIds = [], silentIds = [] }: { deadIds?: readonly number[]; silentIds?: readonly number[] },
): Promise<Recovered> {
  return inTransaction(pool, async (client) => {
    const dead = await client.query<{ id: number }>(lockDeadSql, [silentMaxMs, deadIds, silentIds]);
    return bury(
      client,
      dead.rows.map((row) => row.id),
    );
  });
}

/** For a process that ends: gives back all that is still leased to it, and takes it off the list. */
export function forgetProcess(pool: pg.Pool, id: number): Promise<Recovered> {
  return inTransaction(pool, async (client) => {
    await client.query('select id from posthorn.process where id = $1 for update', [id]);
    return bury(client, [id]);
  });
}

/** The rows of these processes must be locked. */
async function bury(client: pg.PoolClient, processIds: number[]): Promise<Recovered> {
  if (processIds.length === 0) return { processIds, deliveryCount: 0 };
  const { rows } = await client.query<{ count: number }>(recoverSql, [processIds]);
  return { processIds, deliveryCount: rows[0]?.count ?? 0 };
}
