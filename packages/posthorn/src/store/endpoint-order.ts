// What changing an endpoint's order takes besides its own row.
import { sql } from 'kysely';
import type { Ordering } from '../core/ordering.ts';
import type { Queries } from './database.ts';

export interface OrderChange {
  applicationId: string;
  endpointId: string;
  ordering: Ordering | null;
  byKey: boolean;
}

/**
 * For the transaction that gives the endpoint its ordering. From its commit on, what waits for an endpoint with an order
 * is claimed in order; of one that has it no longer, or another one, claim-in-order.ts takes the places away and then its
 * row, or makes it one of the other kind. Locked also when it exists, so that it is not taken away while this transaction
 * goes on.
 */
export async function noteOrdering(
  transaction: Queries,
  { applicationId, endpointId, ordering, byKey }: OrderChange,
): Promise<void> {
  if (ordering !== null) {
    await sql`
      insert into posthorn.endpoint_order as known (endpoint_id, application_id, last_at, by_key)
      values (${endpointId}, ${applicationId}, clock_timestamp(), ${byKey})
      on conflict (endpoint_id) do update set last_at = known.last_at`.execute(transaction);
  }
  // What waited for the one in front may be due now.
  await sql`
    update posthorn.endpoint_due set due_at = least(due_at, now()) where endpoint_id = ${endpointId}`.execute(
    transaction,
  );
}
