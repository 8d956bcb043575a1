// Rows that the engine would write: deliveries in a chosen state, attempts with a chosen outcome.
import { sql } from 'kysely';
import type { Insertable, Selectable } from 'kysely';
import type { AttemptTable, DeliveryState, DeliveryTable, Trigger } from '../../src/store/tables.ts';
import type { TestApi } from './api.ts';

export interface DeliveryKey {
  applicationId: string;
  messageId: string;
  endpointId: string;
}

const leaseOwner = 1;

/** `nextInMs` and `resumeInMs` count from the database's now. */
export async function insertDelivery(
  { db }: TestApi,
  { applicationId, messageId, endpointId }: DeliveryKey,
  state: DeliveryState,
  more: { nextInMs?: number; resumeInMs?: number; trigger?: Trigger; attempts?: number } = {},
): Promise<void> {
  const waits = state === 'pending' || state === 'retrying';
  const inMs = (ms: number) => sql<Date>`now() + ${ms} * interval '1 ms'`;
  await db.queries
    .insertInto('delivery')
    .values({
      application_id: applicationId,
      message_id: messageId,
      endpoint_id: endpointId,
      state,
      attempts: more.attempts ?? 0,
      trigger: more.trigger ?? 'scheduled',
      next_attempt_at: waits ? inMs(more.nextInMs ?? 0) : null,
      resume_at: more.resumeInMs === undefined ? null : inMs(more.resumeInMs),
      lease_owner: state === 'delivering' ? leaseOwner : null,
    })
    .execute();
}

export async function readDelivery(
  { db }: TestApi,
  { applicationId, messageId, endpointId }: DeliveryKey,
): Promise<Selectable<DeliveryTable> | undefined> {
  return db.queries
    .selectFrom('delivery')
    .selectAll()
    .where('application_id', '=', applicationId)
    .where('message_id', '=', messageId)
    .where('endpoint_id', '=', endpointId)
    .executeTakeFirst();
}

/** An accepted attempt with the answer 'ok' unless `more` says otherwise; answers its id. */
export async function insertAttempt(
  { db, newId }: TestApi,
  { applicationId, messageId, endpointId }: DeliveryKey,
  more: Partial<Insertable<AttemptTable>> = {},
): Promise<string> {
  const id = more.id ?? newId('atmpt_');
  await db.queries
    .insertInto('attempt')
    .values({
      application_id: applicationId,
      id,
      message_id: messageId,
      endpoint_id: endpointId,
      trigger: 'scheduled',
      url: 'http://127.0.0.1:9/hook',
      outcome: 'accepted',
      reason: null,
      detail: null,
      response_status: 200,
      response_headers: JSON.stringify({ 'content-type': 'text/plain' }),
      response_body: Buffer.from('ok'),
      duration_ms: 12,
      started_at: new Date(),
      ...more,
    })
    .execute();
  return id;
}
