// The idempotency keys of messages: when they are forgotten.
import type pg from 'pg';
import { textArray } from './binary-array.ts';
import type { Connection } from './partitions.ts';
import { deleteInBatches, type Pace } from './retention.ts';

/** A key, and the message that it was taken for. */
export interface SpentKey {
  applicationId: string;
  key: string;
  messageId: string;
}

/** Forgets those that still lead to these messages; whoever has taken one anew, or has the message, keeps it. */
export async function forgetKeys(pool: pg.Pool, keys: readonly SpentKey[]): Promise<void> {
  await pool.query(
    `delete from posthorn.idempotency_key k
     using unnest($1::text[], $2::text[], $3::text[]) as i (application_id, key, message_id)
     where k.application_id = i.application_id and k.key = i.key and k.message_id = i.message_id
       and not exists (
         select from posthorn.message m where m.application_id = k.application_id and m.id = k.message_id
       )`,
    [
      textArray(keys.map(({ applicationId }) => applicationId)),
      textArray(keys.map(({ key }) => key)),
      textArray(keys.map(({ messageId }) => messageId)),
    ],
  );
}

/** Deletes idempotency keys older than `ageMs`; returns how many. */
export function deleteOldIdempotencyKeys(db: Connection, ageMs: number, pace: Pace): Promise<number> {
  return deleteInBatches(pace, async () => {
    const { rowCount } = await db.query(
      `delete from posthorn.idempotency_key where ctid = any (array(
         select ctid from posthorn.idempotency_key where created_at < now() - $1::bigint * interval '1 ms'
         order by created_at limit $2
       ))`,
      [ageMs, pace.rowsMax],
    );
    return rowCount ?? 0;
  });
}
