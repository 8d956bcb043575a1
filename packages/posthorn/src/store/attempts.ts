// Attempts, and the state of deliveries seen from their message or from their endpoint.
import { sql } from 'kysely';
import type { RawBuilder, Selectable, SqlBool } from 'kysely';
import type { CancelReason } from '../core/cancellation.ts';
import type { Queries } from './database.ts';
import type { EndpointRow } from './endpoints.ts';
import { inPage } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import { messageColumns, messageConditions, payloadBytes, timeConditions } from './messages.ts';
import type { MessageFilter, SizedMessageRow } from './messages.ts';
import type { AttemptTable, DeliveryState } from './tables.ts';

/** What stands in a response's place once it has been deleted. */
export const expungedResponse = 'EXPUNGED';

/** `response_body` and `response_headers` are absent where the content was not asked for. */
export type AttemptRow = Omit<
  Selectable<AttemptTable>,
  'application_id' | 'response_body' | 'response_headers'
> &
  Partial<Pick<Selectable<AttemptTable>, 'response_body' | 'response_headers'>>;

/** Where the delivery of a message to an endpoint stands. */
export interface DeliveryStatusRow {
  state: DeliveryState;
  next_attempt_at: Date | null;
  cancel_reason: CancelReason | null;
  cancel_detail: string | null;
}

const statusColumns = [
  'delivery.state',
  'delivery.next_attempt_at',
  'delivery.cancel_reason',
  'delivery.cancel_detail',
] as const;

export interface AttemptFilter extends MessageFilter {
  endpointId?: string | undefined;
  messageId?: string | undefined;
  accepted?: boolean | undefined;
  /** Inclusive range of response statuses; 'none' for attempts without a response. */
  responseStatus?: { from: number; to: number } | 'none' | undefined;
}

const attemptColumns = [
  'id',
  'message_id',
  'endpoint_id',
  'trigger',
  'url',
  'outcome',
  'reason',
  'detail',
  'response_status',
  'response_truncated',
  'duration_ms',
  'started_at',
] as const;
const contentColumns = ['response_body', 'response_headers'] as const;

function responseCondition(status: NonNullable<AttemptFilter['responseStatus']>): RawBuilder<SqlBool> {
  if (status === 'none') return sql<SqlBool>`attempt.response_status is null`;
  return sql<SqlBool>`attempt.response_status between ${status.from} and ${status.to}`;
}

function attemptConditions(filter: AttemptFilter): RawBuilder<SqlBool>[] {
  const times = { time: 'attempt.started_at', id: 'attempt.id', prefix: 'atmpt_' } as const;
  const conditions = timeConditions(filter, times);
  if (filter.endpointId !== undefined) conditions.push(sql`attempt.endpoint_id = ${filter.endpointId}`);
  if (filter.messageId !== undefined) conditions.push(sql`attempt.message_id = ${filter.messageId}`);
  if (filter.accepted !== undefined) {
    conditions.push(filter.accepted ? sql`attempt.outcome = 'accepted'` : sql`attempt.outcome <> 'accepted'`);
  }
  if (filter.responseStatus !== undefined) conditions.push(responseCondition(filter.responseStatus));
  const ofMessage = messageConditions(filter);
  if (ofMessage.length > 0) {
    conditions.push(sql`exists (select from posthorn.message where message.application_id = attempt.application_id
      and message.id = attempt.message_id and ${sql.join(ofMessage, sql` and `)})`);
  }
  return conditions;
}

export async function listAttempts(
  queries: Queries,
  { applicationId, withContent }: { applicationId: string; withContent: boolean },
  filter: AttemptFilter,
  keyset: Keyset,
): Promise<AttemptRow[]> {
  let query = queries
    .selectFrom('attempt')
    .select(attemptColumns)
    .$if(withContent, (q) => q.select(contentColumns))
    .where('application_id', '=', applicationId);
  for (const condition of attemptConditions(filter)) query = query.where(condition);
  return inPage(query, 'id', keyset).execute();
}

export async function findAttempt(
  queries: Queries,
  { applicationId, messageId, id }: { applicationId: string; messageId: string; id: string },
): Promise<AttemptRow | undefined> {
  return queries
    .selectFrom('attempt')
    .select([...attemptColumns, ...contentColumns])
    .where('application_id', '=', applicationId)
    .where('id', '=', id)
    .where('message_id', '=', messageId)
    .executeTakeFirst();
}

/** Deletes what the endpoint answered, headers included: they can carry cookies. False when there is no such attempt. */
export async function expungeResponse(
  queries: Queries,
  { applicationId, messageId, id }: { applicationId: string; messageId: string; id: string },
): Promise<boolean> {
  const row = await queries
    .updateTable('attempt')
    .set({ response_body: Buffer.from(expungedResponse), response_headers: null, response_truncated: false })
    .where('application_id', '=', applicationId)
    .where('id', '=', id)
    .where('message_id', '=', messageId)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** The messages meant for an endpoint, keyed by message id, with where each delivery stands. */
export async function listMessagesOfEndpoint(
  queries: Queries,
  { applicationId, endpointId }: { applicationId: string; endpointId: string },
  filter: MessageFilter & { states?: readonly DeliveryState[] | undefined },
  keyset: Keyset,
): Promise<(SizedMessageRow & DeliveryStatusRow)[]> {
  const times = { time: 'message.created_at', id: 'delivery.message_id', prefix: 'msg_' } as const;
  let query = queries
    .selectFrom('delivery')
    .innerJoin('message', (join) =>
      join
        .onRef('message.application_id', '=', 'delivery.application_id')
        .onRef('message.id', '=', 'delivery.message_id'),
    )
    .select(messageColumns)
    .select(payloadBytes.as('payload_bytes'))
    .select(statusColumns)
    .where('delivery.application_id', '=', applicationId)
    .where('delivery.endpoint_id', '=', endpointId);
  for (const condition of [...messageConditions(filter), ...timeConditions(filter, times)]) {
    query = query.where(condition);
  }
  if (filter.states !== undefined) query = query.where('delivery.state', 'in', filter.states);
  return inPage(query, 'delivery.message_id', keyset).execute();
}

/** The endpoints that a message is meant for, keyed by endpoint id, with where each delivery stands. */
export async function listEndpointsOfMessage(
  queries: Queries,
  { applicationId, messageId }: { applicationId: string; messageId: string },
  keyset: Keyset,
): Promise<(EndpointRow & DeliveryStatusRow)[]> {
  const query = queries
    .selectFrom('delivery')
    .innerJoin('endpoint', 'endpoint.id', 'delivery.endpoint_id')
    .selectAll('endpoint')
    .select(statusColumns)
    .where('delivery.application_id', '=', applicationId)
    .where('delivery.message_id', '=', messageId)
    .where('endpoint.deleted_at', 'is', null);
  return inPage(query, 'delivery.endpoint_id', keyset).execute();
}
