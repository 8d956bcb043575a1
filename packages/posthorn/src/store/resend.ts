// Asks for one more attempt by hand, of one delivery or of many of an endpoint.
import { sql } from 'kysely';
import type { Queries } from './database.ts';
import type { DeliveryState } from './tables.ts';

export interface ResendRequest {
  applicationId: string;
  messageId: string;
  endpointId: string;
}

// What a resend makes of a delivery that exists. A resend that waits, also one that was given back by a dead process,
// keeps what was planned before it. A place in an order is found again by created_at, where there is still one
// (claim-in-order.ts, claim-by-key.ts).
const madeManual = sql`
  state = 'pending', trigger = 'manual', updated_at = now(), order_at = null, order_key = null,
  next_attempt_at = least(delivery.next_attempt_at, now()),
  resume_at = case
    when delivery.state in ('pending', 'retrying') and delivery.trigger = 'manual' then delivery.resume_at
    when delivery.state in ('pending', 'retrying') then delivery.next_attempt_at
  end`;

export type ResendResult =
  | 'scheduled'
  | 'in_progress'
  | 'no_message'
  | 'no_endpoint'
  | 'endpoint_disabled'
  | 'payload_expired';

interface Findings {
  message_found: boolean;
  has_payload: boolean;
  endpoint_found: boolean;
  endpoint_disabled: boolean;
  scheduled: boolean;
}

/**
 * Makes the delivery of this message to this endpoint due at once with trigger 'manual'; it is created when the
 * message was never meant for the endpoint. Where the automatic chain is still open, its next time moves to resume_at,
 * so that it goes on when the manual attempt fails. A second request before the attempt starts changes nothing.
 *
 * One statement: `on conflict` waits for and then sees a concurrent claim, so a delivery that is under way is never
 * touched ('in_progress').
 */
export async function requestResend(
  db: Queries,
  { applicationId, messageId, endpointId }: ResendRequest,
): Promise<ResendResult> {
  const { rows } = await sql<Findings>`
    with message as (
      select exists (
        select from posthorn.message_body where application_id = ${applicationId} and message_id = ${messageId}
      ) as has_payload
      from posthorn.message where application_id = ${applicationId} and id = ${messageId}
    ), endpoint as (
      select disabled from posthorn.endpoint
      where id = ${endpointId} and application_id = ${applicationId} and deleted_at is null
    ), scheduled as (
      insert into posthorn.delivery as delivery
        (application_id, message_id, endpoint_id, state, trigger, next_attempt_at)
      select ${applicationId}, ${messageId}, ${endpointId}, 'pending', 'manual', now()
      from message, endpoint where message.has_payload and not endpoint.disabled
      on conflict (application_id, message_id, endpoint_id) do update set ${madeManual}
      where delivery.state <> 'delivering'
      returning 1
    ), due as (
      insert into posthorn.endpoint_due as due (endpoint_id, application_id, due_at)
      select ${endpointId}, ${applicationId}, now() from scheduled
      on conflict (endpoint_id) do update set due_at = least(due.due_at, excluded.due_at)
    )
    select
      exists (select from message) as message_found,
      exists (select from message where has_payload) as has_payload,
      exists (select from endpoint) as endpoint_found,
      exists (select from endpoint where disabled) as endpoint_disabled,
      exists (select from scheduled) as scheduled`.execute(db);
  return resultOf(rows[0]);
}

function resultOf(found: Findings | undefined): ResendResult {
  if (!found?.message_found) return 'no_message';
  if (!found.endpoint_found) return 'no_endpoint';
  if (found.endpoint_disabled) return 'endpoint_disabled';
  if (!found.has_payload) return 'payload_expired';
  return found.scheduled ? 'scheduled' : 'in_progress';
}

export interface BulkResend {
  applicationId: string;
  endpointId: string;
  messageIds: readonly string[];
  /** Only deliveries in these are sent again, as they are when their row is locked. */
  states: readonly DeliveryState[];
}

/**
 * The same for many messages of one endpoint, in one statement. Passed over is what has no content any more, and what
 * is under way: being attempted, or locked by whoever claims, settles or resends it this moment. A delivery that does not
 * exist is made. Nothing is waited for but another's insert of the same delivery, in the order of the ids: no deadlock.
 * Answers how many are due now.
 */
export async function requestResends(
  db: Queries,
  { applicationId, endpointId, messageIds, states }: BulkResend,
): Promise<number> {
  if (messageIds.length === 0) return 0;
  const { rows } = await sql<{ count: number }>`
    with wanted as materialized (
      select b.message_id from posthorn.message_body b
      where b.application_id = ${applicationId} and b.message_id = any(${messageIds}::text[])
        and exists (
          select from posthorn.endpoint e
          where e.id = ${endpointId} and e.application_id = ${applicationId} and e.deleted_at is null and not e.disabled
        )
    ), locked as materialized (
      select d.message_id from wanted w
      join posthorn.delivery d on d.application_id = ${applicationId} and d.message_id = w.message_id
        and d.endpoint_id = ${endpointId}
      where d.state::text = any(${states}::text[]) and d.state <> 'delivering'
      order by d.message_id for update of d skip locked
    ), moved as (
      update posthorn.delivery as delivery set ${madeManual}
      from locked where delivery.application_id = ${applicationId} and delivery.message_id = locked.message_id
        and delivery.endpoint_id = ${endpointId}
      returning 1
    ), made as (
      insert into posthorn.delivery (application_id, message_id, endpoint_id, state, trigger, next_attempt_at)
      select ${applicationId}, w.message_id, ${endpointId}, 'pending', 'manual', now() from wanted w
      where not exists (
        select from posthorn.delivery d
        where d.application_id = ${applicationId} and d.message_id = w.message_id and d.endpoint_id = ${endpointId}
      )
      order by w.message_id
      on conflict do nothing
      returning 1
    ), due as (
      insert into posthorn.endpoint_due as due (endpoint_id, application_id, due_at)
      select ${endpointId}, ${applicationId}, now()
      where exists (select from moved) or exists (select from made)
      on conflict (endpoint_id) do update set due_at = least(due.due_at, excluded.due_at)
    )
    select (select count(*) from moved)::integer + (select count(*) from made)::integer as count`.execute(db);
  return rows[0]?.count ?? 0;
}
