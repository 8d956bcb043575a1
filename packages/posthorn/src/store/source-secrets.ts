// What a source's requests are verified with: several secrets at once, while a provider changes from one to the next.
import { sql } from 'kysely';
import type { Selectable } from 'kysely';
import type { Queries } from './database.ts';
import { databaseNow } from './keyset.ts';
import type { SourceSecretTable } from './source-tables.ts';

export type SourceSecretRow = Selectable<SourceSecretTable>;

export interface NewSecret {
  id: string;
  sealed: Buffer;
  /** The provider told it in a handshake. */
  learned?: boolean;
}

/** Those that are good, the newest first; rotated ones come last. */
export async function listSecrets(queries: Queries, sourceId: string): Promise<SourceSecretRow[]> {
  return queries
    .selectFrom('source_secret')
    .selectAll()
    .where('source_id', '=', sourceId)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', databaseNow)]))
    .orderBy(sql`expires_at is not null`)
    .orderBy('id', 'desc')
    .execute();
}

/** The newest of each source that has one, sealed, by source. */
export async function listCurrentSecrets(
  queries: Queries,
  sourceIds: readonly string[],
): Promise<Map<string, Buffer>> {
  if (sourceIds.length === 0) return new Map();
  const rows = await queries
    .selectFrom('source_secret')
    .select(['source_id', 'secret_sealed'])
    .where('source_id', 'in', sourceIds)
    .where('expires_at', 'is', null)
    .orderBy('id', 'asc')
    .execute();
  return new Map(rows.map((row) => [row.source_id, row.secret_sealed]));
}

/** Beside those that there are. The source's application must be locked. */
export async function insertSecrets(
  transaction: Queries,
  sourceId: string,
  secrets: readonly NewSecret[],
): Promise<void> {
  if (secrets.length === 0) return;
  await transaction
    .insertInto('source_secret')
    .values(
      secrets.map(({ id, sealed, learned = false }) => ({
        id,
        source_id: sourceId,
        secret_sealed: sealed,
        learned,
      })),
    )
    .execute();
}

/** These and no others, at once. The source's application must be locked. */
export async function replaceSecrets(
  transaction: Queries,
  sourceId: string,
  secrets: readonly NewSecret[],
): Promise<void> {
  await transaction.deleteFrom('source_secret').where('source_id', '=', sourceId).execute();
  await insertSecrets(transaction, sourceId, secrets);
}

export interface SecretRotation {
  secret: NewSecret;
  /** How long those until now go on being good; 0 ends them at once. */
  gracePeriodSeconds: number;
  /** How many are good at once, with the new one. */
  secretsMax: number;
}

/** False when too many would be good at once; then nothing is written. The source's application must be locked. */
export async function rotateSecrets(
  transaction: Queries,
  sourceId: string,
  { secret, gracePeriodSeconds, secretsMax }: SecretRotation,
): Promise<boolean> {
  if (gracePeriodSeconds === 0) {
    await replaceSecrets(transaction, sourceId, [secret]);
    return true;
  }
  const good = await listSecrets(transaction, sourceId);
  if (good.length >= secretsMax) return false;
  await transaction
    .updateTable('source_secret')
    .set({ expires_at: sql<Date>`now() + make_interval(secs => ${gracePeriodSeconds})` })
    .where('source_id', '=', sourceId)
    .where('expires_at', 'is', null)
    .execute();
  // What is good no more is not kept, sealed or not.
  await transaction
    .deleteFrom('source_secret')
    .where('source_id', '=', sourceId)
    .where('expires_at', '<=', databaseNow)
    .execute();
  await insertSecrets(transaction, sourceId, [secret]);
  return true;
}
