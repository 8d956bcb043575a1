// Idempotency keys of messages that lead nowhere; accept-messages.ts writes and reads them.
import type pg from 'pg';

/** A key that led to a message which was refused, or has been dropped. */
export interface DeadKey {
  applicationId: string;
  key: string;
  messageId: string;
}

/** Frees these keys, unless somebody else has them by now. */
export async function freeKeys(pool: pg.Pool, keys: readonly DeadKey[]): Promise<void> {
  await pool.query(
    `delete from posthorn.idempotency_key k
     using unnest($1::text[], $2::text[], $3::text[]) as dead (application_id, key, message_id)
     where k.application_id = dead.application_id and k.key = dead.key and k.message_id = dead.message_id
       and not exists (
         select from posthorn.message m where m.application_id = k.application_id and m.id = k.message_id
       )`,
    [
      keys.map(({ applicationId }) => applicationId),
      keys.map(({ key }) => key),
      keys.map(({ messageId }) => messageId),
    ],
  );
}
