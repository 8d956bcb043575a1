// Asks for one more attempt of one delivery, now and by hand.
import { sql } from 'kysely';
import type { Queries } from './database.ts';

export interface ResendRequest {
  applicationId: string;
  messageId: string;
  endpointId: string;
}

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
      on conflict (application_id, message_id, endpoint_id) do update set
        state = 'pending', trigger = 'manual', updated_at = now(),
        -- It finds its place again by created_at, where the endpoint still has an order (claim-in-order.ts).
        order_at = null,
        next_attempt_at = least(delivery.next_attempt_at, now()),
        resume_at = case
          -- A resend that waits, also one that was given back by a dead process, keeps what was planned before it.
          when delivery.state in ('pending', 'retrying') and delivery.trigger = 'manual' then delivery.resume_at
          when delivery.state in ('pending', 'retrying') then delivery.next_attempt_at
        end
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
