// How the deliveries of an endpoint stand, counted.
import { sql } from 'kysely';
import type { Queries } from './database.ts';
import { messageIdCeiling, messageIdFloor } from './messages.ts';
import type { DeliveryState } from './tables.ts';

export interface StatsRange {
  applicationId: string;
  endpointId: string;
  /** When the message was accepted; `since` inclusive, `until` exclusive. */
  since: Date;
  until: Date;
}

/** One row for each state that occurs. */
export async function countDeliveries(
  queries: Queries,
  { applicationId, endpointId, since, until }: StatsRange,
): Promise<{ state: DeliveryState; count: number }[]> {
  const { rows } = await sql<{ state: DeliveryState; count: number }>`
    select d.state, count(*)::integer as count
    from posthorn.delivery d
    join posthorn.message m on m.application_id = d.application_id and m.id = d.message_id
    where d.endpoint_id = ${endpointId} and d.application_id = ${applicationId}
      and d.message_id >= ${messageIdFloor(since.getTime())}
      and d.message_id < ${messageIdCeiling(until.getTime())}
      and m.created_at >= ${since} and m.created_at < ${until}
    group by d.state`.execute(queries);
  return rows;
}
