// Deliveries that are stored as cancelled, with the reason: they say why an endpoint was not sent a message.
import { sql } from 'kysely';
import type { Cancellation } from '../core/cancellation.ts';
import type { Queries } from './database.ts';

export interface Refusal extends Cancellation {
  messageId: string;
}

/** What was cancelled before gets the new reason; what is open, or was sent, stays as it is. */
export async function refuseDeliveries(
  queries: Queries,
  { applicationId, endpointId }: { applicationId: string; endpointId: string },
  refusals: readonly Refusal[],
): Promise<void> {
  if (refusals.length === 0) return;
  await sql`
    insert into posthorn.delivery as delivery
      (application_id, message_id, endpoint_id, state, cancel_reason, cancel_detail)
    select ${applicationId}, message_id, ${endpointId}, 'cancelled', reason, detail
    from unnest(${refusals.map(({ messageId }) => messageId)}::text[], ${refusals.map(({ reason }) => reason)}::text[],
      ${refusals.map(({ detail }) => detail)}::text[]) r (message_id, reason, detail)
    order by message_id
    on conflict (application_id, message_id, endpoint_id) do update
      set cancel_reason = excluded.cancel_reason, cancel_detail = excluded.cancel_detail, updated_at = now()
      where delivery.state = 'cancelled'`.execute(queries);
}
