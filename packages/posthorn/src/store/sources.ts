// Sources: doors for the requests of providers, each with the application that its messages and endpoints belong to.
import { sql } from 'kysely';
import type { Insertable, Selectable, Updateable } from 'kysely';
import { deleteApplication } from './applications.ts';
import type { Queries } from './database.ts';
import { databaseNow, inPage } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { SourceTable } from './source-tables.ts';

export type SourceRow = Selectable<SourceTable>;
type WritableColumns =
  | 'uid'
  | 'name'
  | 'type'
  | 'provider'
  | 'metadata'
  | 'settings_sealed'
  | 'tolerance_seconds'
  | 'observe'
  | 'allowed_methods'
  | 'body_max_bytes'
  | 'rate_limit'
  | 'deduplicate_by'
  | 'validation'
  | 'sync_timeout_ms'
  | 'answer';
export type NewSource = Pick<Insertable<SourceTable>, WritableColumns | 'id' | 'environment_id'>;
export type SourceChanges = Pick<Updateable<SourceTable>, WritableColumns>;

/** The unique index that a second use of a uid violates. */
export const sourceUidConstraint = 'source_uid';
export const sourceIdPrefix = 'src_';

/** Who a source's sealed secrets belong to (store/secret-box.ts). */
export function secretOwner(sourceId: string): string {
  return `source:${sourceId}:secret`;
}

/** Who a source's sealed settings belong to. */
export function settingsOwner(sourceId: string): string {
  return `source:${sourceId}:settings`;
}

/** Who the last part of a source's path, sealed, belongs to. */
export function pathOwner(sourceId: string): string {
  return `source:${sourceId}:path`;
}

/** The live source with this id or uid. Uids cannot look like ids (api/fields.ts), so one column decides. */
export async function findSource(
  queries: Queries,
  environmentId: string,
  idOrUid: string,
): Promise<SourceRow | undefined> {
  return queries
    .selectFrom('source')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .where(idOrUid.startsWith(sourceIdPrefix) ? 'id' : 'uid', '=', idOrUid)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
}

export async function listSources(
  queries: Queries,
  environmentId: string,
  keyset: Keyset,
): Promise<SourceRow[]> {
  const query = queries
    .selectFrom('source')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .where('deleted_at', 'is', null);
  return inPage(query, 'id', keyset).execute();
}

/** With its application. Undefined when the uid is taken; then the transaction must not be committed. */
export async function insertSource(transaction: Queries, source: NewSource): Promise<SourceRow | undefined> {
  await transaction
    .insertInto('application')
    .values({
      id: source.id,
      environment_id: source.environment_id,
      uid: null,
      name: source.name,
      metadata: '{}',
      throttle_rate: null,
      source: true,
    })
    .execute();
  return transaction
    .insertInto('source')
    .values(source)
    .onConflict((conflict) =>
      conflict.columns(['environment_id', 'uid']).where('deleted_at', 'is', null).doNothing(),
    )
    .returningAll()
    .executeTakeFirst();
}

/**
 * Undefined when it is not there (any more). Throws a unique violation when the new uid is taken. The source's
 * application must be locked.
 */
export async function updateSource(
  transaction: Queries,
  id: string,
  changes: SourceChanges,
): Promise<SourceRow | undefined> {
  const row = await transaction
    .updateTable('source')
    .set({ ...changes, updated_at: databaseNow })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined || changes.name === undefined) return row;
  await transaction.updateTable('application').set({ name: row.name }).where('id', '=', id).execute();
  return row;
}

/** With its application and endpoints. False when it was deleted before. The source's application must be locked. */
export async function deleteSource(transaction: Queries, id: string): Promise<boolean> {
  const deleted = await transaction
    .updateTable('source')
    .set({ deleted_at: databaseNow, updated_at: databaseNow })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  if (deleted === undefined) return false;
  await transaction.deleteFrom('source_secret').where('source_id', '=', id).execute();
  await transaction.deleteFrom('source_path').where('source_id', '=', id).execute();
  await transaction.deleteFrom('reconcile').where('source_id', '=', id).execute();
  return deleteApplication(transaction, id);
}

export interface NewPath {
  hash: Buffer;
  sealed: Buffer;
}

/** The first one of a source. */
export async function insertPath(transaction: Queries, sourceId: string, path: NewPath): Promise<void> {
  await transaction
    .insertInto('source_path')
    .values({ hash: path.hash, source_id: sourceId, token_sealed: path.sealed })
    .execute();
}

/** How long paths that were replaced go on working, and how many of them a source has at most. */
export interface PathRule {
  graceSeconds: number;
  oldMax: number;
}

/** False when too many old paths still work; nothing is written then. The source's application must be locked. */
export async function rotatePath(
  transaction: Queries,
  sourceId: string,
  path: NewPath,
  rule: PathRule,
): Promise<boolean> {
  await transaction
    .deleteFrom('source_path')
    .where('source_id', '=', sourceId)
    .where('expires_at', '<=', databaseNow)
    .execute();
  const { old } = await transaction
    .selectFrom('source_path')
    .select(sql<number>`count(*)::integer`.as('old'))
    .where('source_id', '=', sourceId)
    .where('expires_at', 'is not', null)
    .executeTakeFirstOrThrow();
  if (old >= rule.oldMax) return false;
  await transaction
    .updateTable('source_path')
    .set({ expires_at: sql<Date>`now() + make_interval(secs => ${rule.graceSeconds})` })
    .where('source_id', '=', sourceId)
    .where('expires_at', 'is', null)
    .execute();
  await insertPath(transaction, sourceId, path);
  return true;
}

/** The sealed last part of each source's current path, by source. */
export async function findPaths(
  queries: Queries,
  sourceIds: readonly string[],
): Promise<Map<string, Buffer>> {
  if (sourceIds.length === 0) return new Map();
  const rows = await queries
    .selectFrom('source_path')
    .select(['source_id', 'token_sealed'])
    .where('source_id', 'in', sourceIds)
    .where('expires_at', 'is', null)
    .execute();
  return new Map(rows.map((row) => [row.source_id, row.token_sealed]));
}
