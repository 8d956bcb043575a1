// Autoconfig subscriptions: each stands for one endpoint or one poller, which is made by whoever holds its token.
import type { Insertable, Selectable } from 'kysely';
import type { Queries } from './database.ts';
import { databaseNow } from './keyset.ts';
import type { AutoconfigTable } from './tables.ts';

export type AutoconfigRow = Selectable<AutoconfigTable>;

/** Who a sealed secret belongs to (store/secret-box.ts). */
export function autoconfigSecretOwner(id: string): string {
  return `autoconfig:${id}:secret`;
}

export async function findAutoconfig(
  queries: Queries,
  applicationId: string,
  id: string,
): Promise<AutoconfigRow | undefined> {
  return queries
    .selectFrom('autoconfig')
    .selectAll()
    .where('application_id', '=', applicationId)
    .where('id', '=', id)
    .executeTakeFirst();
}

export async function insertAutoconfig(
  queries: Queries,
  row: Omit<Insertable<AutoconfigTable>, 'created_at' | 'updated_at'>,
): Promise<AutoconfigRow> {
  return queries.insertInto('autoconfig').values(row).returningAll().executeTakeFirstOrThrow();
}

/** False when it is not there (any more). */
export async function changeAutoconfigSecret(
  transaction: Queries,
  id: string,
  secretSealed: Buffer,
): Promise<boolean> {
  const row = await transaction
    .updateTable('autoconfig')
    .set({ secret_sealed: secretSealed, updated_at: databaseNow })
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** What was made with it stays. */
export async function deleteAutoconfig(transaction: Queries, id: string): Promise<void> {
  await transaction.deleteFrom('autoconfig').where('id', '=', id).execute();
}
