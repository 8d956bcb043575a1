// Integrations: third parties that a customer lets in, each with a key of its own.
import type { Insertable, Selectable, Updateable } from 'kysely';
import type { Queries } from './database.ts';
import { databaseNow, inPage } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { IntegrationTable } from './tables.ts';

export type IntegrationRow = Selectable<IntegrationTable>;
export type NewIntegration = Pick<
  Insertable<IntegrationTable>,
  'id' | 'application_id' | 'name' | 'feature_flags' | 'capabilities' | 'key_sealed'
>;
export type IntegrationChanges = Pick<
  Updateable<IntegrationTable>,
  'name' | 'feature_flags' | 'capabilities' | 'key_sealed'
>;

/** Who a sealed key belongs to (store/secret-box.ts). */
export function integrationKeyOwner(id: string): string {
  return `integration:${id}:key`;
}

export async function findIntegration(
  queries: Queries,
  applicationId: string,
  id: string,
): Promise<IntegrationRow | undefined> {
  return queries
    .selectFrom('integration')
    .selectAll()
    .where('application_id', '=', applicationId)
    .where('id', '=', id)
    .executeTakeFirst();
}

export async function listIntegrations(
  queries: Queries,
  applicationId: string,
  keyset: Keyset,
): Promise<IntegrationRow[]> {
  const query = queries.selectFrom('integration').selectAll().where('application_id', '=', applicationId);
  return inPage(query, 'id', keyset).execute();
}

export async function insertIntegration(
  queries: Queries,
  integration: NewIntegration,
): Promise<IntegrationRow> {
  return queries.insertInto('integration').values(integration).returningAll().executeTakeFirstOrThrow();
}

/** Undefined when it is not there (any more). */
export async function updateIntegration(
  queries: Queries,
  { applicationId, id }: { applicationId: string; id: string },
  changes: IntegrationChanges,
): Promise<IntegrationRow | undefined> {
  return queries
    .updateTable('integration')
    .set({ ...changes, updated_at: databaseNow })
    .where('application_id', '=', applicationId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
}

/** False when it is not there (any more). */
export async function deleteIntegration(
  queries: Queries,
  applicationId: string,
  id: string,
): Promise<boolean> {
  const row = await queries
    .deleteFrom('integration')
    .where('application_id', '=', applicationId)
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}
