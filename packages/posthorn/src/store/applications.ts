// Applications: the sender's customers.
import { sql } from 'kysely';
import type { Insertable, RawBuilder, Selectable, SqlBool, Updateable } from 'kysely';
import type { Queries } from './database.ts';
import { databaseNow, inPage } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { ApplicationTable } from './tables.ts';

export type ApplicationRow = Selectable<ApplicationTable>;
export type NewApplication = Pick<
  Insertable<ApplicationTable>,
  'id' | 'environment_id' | 'uid' | 'name' | 'metadata' | 'throttle_rate'
>;
export type ApplicationChanges = Pick<
  Updateable<ApplicationTable>,
  'uid' | 'name' | 'metadata' | 'throttle_rate'
>;

/** The unique index that a second use of a uid violates. */
export const applicationUidConstraint = 'application_uid';
// A source is an application, too, known by the id of the source.
const idPrefixes = ['app_', 'src_'];

/** The live application with this id or uid. Uids cannot look like ids (api/fields.ts), so one column decides. */
export async function findApplication(
  queries: Queries,
  environmentId: string,
  idOrUid: string,
): Promise<ApplicationRow | undefined> {
  return queries
    .selectFrom('application')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .where(idPrefixes.some((prefix) => idOrUid.startsWith(prefix)) ? 'id' : 'uid', '=', idOrUid)
    .where('deleted_at', 'is', null)
    .where('operational', '=', false)
    .executeTakeFirst();
}

/** Leaves applications out by their live endpoints. */
export interface ApplicationFilter {
  /** Those that have none. */
  withoutEndpoints: boolean;
  /** Those that have some, all of them disabled. */
  allDisabled: boolean;
  /** Those that have some, all of them with a URL that begins with this. */
  allBelow: string | undefined;
}

const hasEndpoint = (condition: RawBuilder<unknown>) => sql<SqlBool>`exists (
  select from posthorn.endpoint e
  where e.application_id = application.id and e.deleted_at is null and ${condition})`;

function endpointConditions({ withoutEndpoints, allDisabled, allBelow }: ApplicationFilter) {
  const conditions: RawBuilder<SqlBool>[] = [];
  const leaveOut = (others: RawBuilder<unknown>) =>
    conditions.push(sql<SqlBool>`(not ${hasEndpoint(sql`true`)} or ${hasEndpoint(others)})`);
  if (withoutEndpoints) conditions.push(hasEndpoint(sql`true`));
  if (allDisabled) leaveOut(sql`not e.disabled`);
  if (allBelow !== undefined) leaveOut(sql`not starts_with(e.url, ${allBelow})`);
  return conditions;
}

export async function listApplications(
  queries: Queries,
  environmentId: string,
  keyset: Keyset,
  filter?: ApplicationFilter,
): Promise<ApplicationRow[]> {
  let query = queries
    .selectFrom('application')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .where('deleted_at', 'is', null)
    .where('operational', '=', false)
    .where('source', '=', false);
  for (const condition of filter ? endpointConditions(filter) : []) query = query.where(condition);
  return inPage(query, 'id', keyset).execute();
}

/** Undefined when the uid is taken; nothing is written then. */
export async function insertApplication(
  queries: Queries,
  application: NewApplication,
): Promise<ApplicationRow | undefined> {
  return queries
    .insertInto('application')
    .values(application)
    .onConflict((conflict) =>
      conflict.columns(['environment_id', 'uid']).where('deleted_at', 'is', null).doNothing(),
    )
    .returningAll()
    .executeTakeFirst();
}

/** Undefined when it is not there (any more). Throws a unique violation when the new uid is taken. */
export async function updateApplication(
  queries: Queries,
  id: string,
  changes: ApplicationChanges,
): Promise<ApplicationRow | undefined> {
  return queries
    .updateTable('application')
    .set({ ...changes, updated_at: databaseNow })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
}

/**
 * Keeps the application from being deleted or changed until the transaction ends. Every change to an application's
 * endpoints takes this lock first, always in this order: the endpoint's trigger updates the application, and two
 * orders would deadlock. False when the application is deleted.
 */
export async function lockApplication(transaction: Queries, id: string): Promise<boolean> {
  const row = await transaction
    .selectFrom('application')
    .select('id')
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

/** Deletes the application and its endpoints. False when it was deleted before. */
export async function deleteApplication(transaction: Queries, id: string): Promise<boolean> {
  const deleted = await transaction
    .updateTable('application')
    .set({ deleted_at: databaseNow, updated_at: databaseNow })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  if (deleted === undefined) return false;
  await transaction
    .updateTable('endpoint')
    .set({ deleted_at: databaseNow, updated_at: databaseNow })
    .where('application_id', '=', id)
    .where('deleted_at', 'is', null)
    .execute();
  await sql`
    delete from posthorn.endpoint_failing f using posthorn.endpoint e
    where e.id = f.endpoint_id and e.application_id = ${id}`.execute(transaction);
  return true;
}
