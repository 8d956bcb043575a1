// What an endpoint's filter says of messages that were accepted without it: asked now, as it is when a message is accepted.
import { Filter, FilterSubject } from '../core/filter.ts';
import type { Queries } from '../store/database.ts';
import { findPayloads } from '../store/messages.ts';
import { refuseDeliveries } from '../store/refuse-deliveries.ts';
import type { Refusal } from '../store/refuse-deliveries.ts';
import type { Missing } from '../store/task-messages.ts';

/** Messages that one transaction looks at when their contents are read, and how many of those are in memory at once. */
export const filteredMessagesMax = 200;
const payloadsMax = 10;

interface Filtered {
  applicationId: string;
  endpointId: string;
  expression: string;
}

/** Those that the filter lets through. The others get a delivery that is cancelled, and says why. */
export async function keepMatching(
  transaction: Queries,
  { applicationId, endpointId, expression }: Filtered,
  messages: readonly Missing[],
): Promise<Missing[]> {
  const filter = new Filter(expression);
  const kept: Missing[] = [];
  const refusals: Refusal[] = [];
  for (let start = 0; start < messages.length; start += payloadsMax) {
    const some = messages.slice(start, start + payloadsMax);
    const payloads = await findPayloads(
      transaction,
      applicationId,
      some.map(({ id }) => id),
    );
    for (const message of some) {
      const payload = payloads.get(message.id);
      const refusal = payload && filter.refusalOf(subjectOf(message, payload));
      if (refusal) refusals.push({ ...refusal, messageId: message.id });
      else kept.push(message);
    }
  }
  await refuseDeliveries(transaction, { applicationId, endpointId }, refusals);
  return kept;
}

function subjectOf({ event_type, event_id, channels, tags }: Missing, payload: Buffer): FilterSubject {
  return new FilterSubject({
    eventType: event_type,
    eventId: event_id ?? undefined,
    channels: channels ?? undefined,
    tags: tags ?? undefined,
    payload,
  });
}
