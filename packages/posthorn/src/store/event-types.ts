// Event types: names that messages carry, with their schemas. The name is the key.
import { sql } from 'kysely';
import type { Insertable, Selectable, Updateable } from 'kysely';
import type { Queries } from './database.ts';
import { databaseNow, inPage } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { EventTypeTable } from './tables.ts';

export type EventTypeRow = Selectable<EventTypeTable>;
type ContentColumns = 'description' | 'schemas' | 'feature_flags' | 'group_name' | 'archived' | 'deprecated';
/** `validation` is set when it is given, and otherwise stays as it is. */
export type EventTypeContent = Required<Pick<Insertable<EventTypeTable>, ContentColumns>> &
  Pick<Insertable<EventTypeTable>, 'validation'>;
export type EventTypeChanges = Pick<Updateable<EventTypeTable>, ContentColumns | 'validation'>;

/**
 * Runs `write` as one transaction, alone among the changes to the environment's event types, and counts the change.
 * Everything that writes event types does it in here: then the count is true, and nobody waits for each other in a ring.
 */
export async function changingEventTypes<T>(
  queries: Queries,
  environmentId: string,
  write: (transaction: Queries) => Promise<T>,
): Promise<T> {
  return queries.transaction().execute(async (transaction) => {
    await transaction
      .updateTable('environment')
      .set((row) => ({ event_types_version: sql<string>`${row.ref('event_types_version')} + 1` }))
      .where('id', '=', environmentId)
      .execute();
    return write(transaction);
  });
}

export async function countEventTypes(queries: Queries, environmentId: string): Promise<number> {
  const { count } = await queries
    .selectFrom('event_type')
    .select(sql<number>`count(*)::integer`.as('count'))
    .where('environment_id', '=', environmentId)
    .executeTakeFirstOrThrow();
  return count;
}

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

export interface EventTypeVisibility {
  includeArchived: boolean;
  /** Of event types with feature flags, only those that have one of these; all without it. */
  visibleFlags?: readonly string[] | undefined;
}

export async function listEventTypes(
  queries: Queries,
  environmentId: string,
  keyset: Keyset,
  { includeArchived, visibleFlags }: EventTypeVisibility,
): Promise<EventTypeRow[]> {
  let query = queries.selectFrom('event_type').selectAll().where('environment_id', '=', environmentId);
  if (!includeArchived) query = query.where('archived', '=', false);
  if (visibleFlags !== undefined) {
    const flags = sql<string[]>`${[...visibleFlags]}::text[]`;
    query = query.where(({ or, eb }) =>
      or([eb('feature_flags', 'is', null), eb('feature_flags', '&&', flags)]),
    );
  }
  return inPage(query, 'name', keyset).execute();
}

// With their schemas, that many are a few megabytes at most.
const pageRows = 20;

/** All of them by name, read a few at a time: whoever is slow to take them holds no connection meanwhile. */
export async function* eachEventType(
  queries: Queries,
  environmentId: string,
  filter: { includeArchived: boolean },
): AsyncGenerator<EventTypeRow> {
  let after: string | undefined;
  do {
    const keyset = { rowsMax: pageRows, ascending: true, ...(after === undefined ? {} : { after }) };
    const rows = await listEventTypes(queries, environmentId, keyset, filter);
    yield* rows;
    after = rows.length < pageRows ? undefined : rows.at(-1)?.name;
  } while (after !== undefined);
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
