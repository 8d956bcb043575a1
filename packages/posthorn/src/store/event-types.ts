// Event types: names that messages carry, with their schemas. The name is the key.
import { sql } from 'kysely';
import type { Insertable, Selectable, Updateable } from 'kysely';
import type { Queries } from './database.ts';
import { databaseNow, keysetOf } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { EventTypeTable } from './tables.ts';

export type EventTypeRow = Selectable<EventTypeTable>;
type ContentColumns = 'description' | 'schemas' | 'feature_flags' | 'group_name' | 'archived' | 'deprecated';
export type EventTypeContent = Required<Pick<Insertable<EventTypeTable>, ContentColumns>>;
export type EventTypeChanges = Pick<Updateable<EventTypeTable>, ContentColumns>;

export async function findEventType(
  queries: Queries,
  environmentId: string,
  name: string,
): Promise<EventTypeRow | undefined> {
  return queries
    .selectFrom('event_type')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .where('name', '=', name)
    .executeTakeFirst();
}

export async function listEventTypes(
  queries: Queries,
  environmentId: string,
  keyset: Keyset,
  { includeArchived }: { includeArchived: boolean },
): Promise<EventTypeRow[]> {
  const { operator, direction } = keysetOf(keyset);
  let query = queries.selectFrom('event_type').selectAll().where('environment_id', '=', environmentId);
  if (!includeArchived) query = query.where('archived', '=', false);
  if (keyset.after !== undefined) query = query.where('name', operator, keyset.after);
  return query.orderBy('name', direction).limit(keyset.rowsMax).execute();
}

/** Makes it, or brings an archived one back with this content. Undefined when it exists and is not archived. */
export async function insertEventType(
  queries: Queries,
  key: { environmentId: string; name: string },
  content: EventTypeContent,
): Promise<EventTypeRow | undefined> {
  return queries
    .insertInto('event_type')
    .values({ environment_id: key.environmentId, name: key.name, ...content })
    .onConflict((conflict) =>
      conflict
        .columns(['environment_id', 'name'])
        .doUpdateSet({ ...content, updated_at: databaseNow })
        .where('event_type.archived', '=', true),
    )
    .returningAll()
    .executeTakeFirst();
}

/** Makes it or replaces its content, in one statement. */
export async function upsertEventType(
  queries: Queries,
  key: { environmentId: string; name: string },
  content: EventTypeContent,
): Promise<{ row: EventTypeRow; created: boolean }> {
  const { created, ...row } = await queries
    .insertInto('event_type')
    .values({ environment_id: key.environmentId, name: key.name, ...content })
    .onConflict((conflict) =>
      conflict.columns(['environment_id', 'name']).doUpdateSet({ ...content, updated_at: databaseNow }),
    )
    .returningAll()
    // A row that was just inserted has no deleter; one that was updated has this transaction.
    .returning(sql<boolean>`xmax = 0`.as('created'))
    .executeTakeFirstOrThrow();
  return { row, created };
}

export async function updateEventType(
  queries: Queries,
  environmentId: string,
  name: string,
  changes: EventTypeChanges,
): Promise<EventTypeRow | undefined> {
  return queries
    .updateTable('event_type')
    .set({ ...changes, updated_at: databaseNow })
    .where('environment_id', '=', environmentId)
    .where('name', '=', name)
    .returningAll()
    .executeTakeFirst();
}

/** Removes it entirely. False when it does not exist. */
export async function expungeEventType(
  queries: Queries,
  environmentId: string,
  name: string,
): Promise<boolean> {
  const row = await queries
    .deleteFrom('event_type')
    .where('environment_id', '=', environmentId)
    .where('name', '=', name)
    .returning('name')
    .executeTakeFirst();
  return row !== undefined;
}
