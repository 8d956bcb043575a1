// Pollers: places where an application's messages are fetched instead of being delivered.
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Insertable, Selectable, Updateable } from 'kysely';
import type { Queries } from './database.ts';
import { databaseNow, inPage } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { PollerTable } from './poller-tables.ts';

const idPrefix = 'poll_';
/** How the tokens begin that are for fetching from one poller. */
export const pollerTokenPrefix = 'sk_poll_';

/** A poller without its token's hash. */
export type PollerRow = Omit<Selectable<PollerTable>, 'token_hash' | 'deleted_at'>;
type WritableColumns = 'uid' | 'description' | 'event_types' | 'channels' | 'metadata';
export type NewPoller = Pick<Insertable<PollerTable>, WritableColumns | 'id' | 'application_id'>;
export type PollerChanges = Pick<Updateable<PollerTable>, WritableColumns>;

/** The unique index that a second use of a uid violates. */
export const pollerUidConstraint = 'poller_uid';
/** That which a second use of an id violates. */
export const pollerKey = 'poller_pkey';

const columns = [
  'id',
  'application_id',
  'uid',
  'description',
  'event_types',
  'channels',
  'metadata',
  'created_at',
  'updated_at',
] as const;

const hashOf = (tokenText: string) => createHash('sha256').update(tokenText).digest();

export async function findPoller(
  queries: Queries,
  applicationId: string,
  idOrUid: string,
): Promise<PollerRow | undefined> {
  return queries
    .selectFrom('poller')
    .select(columns)
    .where('application_id', '=', applicationId)
    .where(idOrUid.startsWith(idPrefix) ? 'id' : 'uid', '=', idOrUid)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
}

export async function listPollers(
  queries: Queries,
  applicationId: string,
  keyset: Keyset,
): Promise<PollerRow[]> {
  const query = queries
    .selectFrom('poller')
    .select(columns)
    .where('application_id', '=', applicationId)
    .where('deleted_at', 'is', null);
  return inPage(query, 'id', keyset).execute();
}

/** Undefined when the uid is taken. The application must be locked. */
export async function insertPoller(
  transaction: Queries,
  poller: NewPoller,
  tokenText: string,
): Promise<PollerRow | undefined> {
  const row = await transaction
    .insertInto('poller')
    .values({ ...poller, token_hash: hashOf(tokenText) })
    .onConflict((conflict) =>
      conflict.columns(['application_id', 'uid']).where('deleted_at', 'is', null).doNothing(),
    )
    .returning(columns)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  // Whoever fetches locks it: it must be there before the first message.
  await sql`
    insert into posthorn.application_feed (application_id, last_place) values (${poller.application_id}, 0)
    on conflict (application_id) do nothing`.execute(transaction);
  return row;
}

/** Undefined when it is not there (any more). Throws a unique violation when the new uid is taken. */
export async function updatePoller(
  transaction: Queries,
  id: string,
  changes: PollerChanges,
): Promise<PollerRow | undefined> {
  return transaction
    .updateTable('poller')
    .set({ ...changes, updated_at: databaseNow })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returning(columns)
    .executeTakeFirst();
}

/** Deletes it with what its consumers confirmed. False when it was deleted before. */
export async function deletePoller(transaction: Queries, id: string): Promise<boolean> {
  const row = await transaction
    .updateTable('poller')
    .set({ deleted_at: databaseNow, updated_at: databaseNow, token_hash: null })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  await sql`delete from posthorn.poller_consumer where poller_id = ${id}`.execute(transaction);
  return row !== undefined;
}

/** From now on this is its token, and the one before it is none. */
export async function replacePollerToken(queries: Queries, id: string, tokenText: string): Promise<void> {
  await queries
    .updateTable('poller')
    .set({ token_hash: hashOf(tokenText) })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .execute();
}

/** The poller that this token fetches from, with its application and environment; undefined for any other text. */
export async function findPollerOfToken(queries: Queries, tokenText: string) {
  return queries
    .selectFrom('poller')
    .innerJoin('application', 'application.id', 'poller.application_id')
    .select([
      'poller.id',
      'poller.uid',
      'application.id as applicationId',
      'application.uid as applicationUid',
      'application.environment_id as environmentId',
    ])
    .where('poller.token_hash', '=', hashOf(tokenText))
    .where('poller.deleted_at', 'is', null)
    .where('application.deleted_at', 'is', null)
    .executeTakeFirst();
}
