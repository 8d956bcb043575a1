// Many event types in one statement: those that differ from what is there are written, and named.
import { sql } from 'kysely';
import type { Queries } from './database.ts';
import type { Validation } from './tables.ts';

/** What is absent stays as it is where the event type exists already, and gets its default where not. */
export interface EventTypeToImport {
  name: string;
  description: string;
  schemas: Record<string, unknown> | null;
  deprecated: boolean;
  archived: boolean;
  groupName?: string | null;
  featureFlags?: string[] | null;
  validation?: Validation;
}

/** The names of those that were made or changed, in order. To be run in `changingEventTypes`; names come once. */
export async function importEventTypes(
  queries: Queries,
  environmentId: string,
  eventTypes: readonly EventTypeToImport[],
): Promise<string[]> {
  const input = eventTypes.map(({ groupName, featureFlags, ...rest }) => ({
    ...rest,
    group_name: groupName ?? null,
    keeps_group: groupName === undefined,
    feature_flags: featureFlags ?? null,
    keeps_flags: featureFlags === undefined,
  }));
  const { rows } = await sql<{ name: string }>`
    insert into posthorn.event_type as present
      (environment_id, name, description, schemas, deprecated, archived, group_name, feature_flags, validation)
    select ${environmentId}, i.name, i.description, i.schemas, i.deprecated, i.archived,
      case when i.keeps_group then known.group_name else i.group_name end,
      case when i.keeps_flags then known.feature_flags else i.feature_flags end,
      coalesce(i.validation, known.validation, 'none')
    from jsonb_to_recordset(${JSON.stringify(input)}::jsonb) as i (
      name text, description text, schemas jsonb, deprecated boolean, archived boolean, group_name text,
      keeps_group boolean, feature_flags text[], keeps_flags boolean, validation text)
    left join posthorn.event_type known on known.environment_id = ${environmentId} and known.name = i.name
    on conflict (environment_id, name) do update set
      description = excluded.description, schemas = excluded.schemas, deprecated = excluded.deprecated,
      archived = excluded.archived, group_name = excluded.group_name, feature_flags = excluded.feature_flags,
      validation = excluded.validation, updated_at = now()
    where (present.description, present.schemas, present.deprecated, present.archived, present.group_name,
        present.feature_flags, present.validation)
      is distinct from (excluded.description, excluded.schemas, excluded.deprecated, excluded.archived,
        excluded.group_name, excluded.feature_flags, excluded.validation)
    returning name`.execute(queries);
  return rows.map(({ name }) => name).sort();
}

/** Archives all that are not called one of these; answers the names of those that were not archived before, in order. */
export async function archiveOtherEventTypes(
  queries: Queries,
  environmentId: string,
  names: readonly string[],
): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    update posthorn.event_type set archived = true, updated_at = now()
    where environment_id = ${environmentId} and not archived and name <> all (${names}::text[])
    returning name`.execute(queries);
  return rows.map(({ name }) => name).sort();
}
