// What an environment asks of messages because of their event type, at one version of its event types.
import { sql } from 'kysely';
import type { Queries } from './database.ts';

export interface EventTypePolicy {
  /** environment.event_types_version: a bigint, kept as text. */
  version: string;
  /** The event types whose messages must fit their schema. */
  validated: ReadonlySet<string>;
  /** The event types that have a schema. */
  described: ReadonlySet<string>;
  /** The only event types that messages may have; undefined for any. */
  known: ReadonlySet<string> | undefined;
}

/** Undefined when the environment does not exist. */
export async function currentEventTypesVersion(
  queries: Queries,
  environmentId: string,
): Promise<string | undefined> {
  const row = await queries
    .selectFrom('environment')
    .select('event_types_version')
    .where('id', '=', environmentId)
    .executeTakeFirst();
  return row?.event_types_version;
}

interface PolicyRow {
  version: string;
  validated: string[];
  described: string[];
  known: string[] | null;
}

/** One statement, so one snapshot: the version belongs to exactly these names. */
export async function loadEventTypePolicy(
  queries: Queries,
  environmentId: string,
): Promise<EventTypePolicy | undefined> {
  const { rows } = await sql<PolicyRow>`
    select e.event_types_version as version,
      array(
        select name from posthorn.event_type t where t.environment_id = e.id and t.validation <> 'none'
      ) as validated,
      array(
        select name from posthorn.event_type t where t.environment_id = e.id and t.schemas is not null
      ) as described,
      case when e.unknown_event_types = 'reject' then array(
        select name from posthorn.event_type t where t.environment_id = e.id and not t.archived
      ) end as known
    from posthorn.environment e where e.id = ${environmentId}`.execute(queries);
  const [row] = rows;
  if (row === undefined) return undefined;
  const { version, validated, described, known } = row;
  return {
    version,
    validated: new Set(validated),
    described: new Set(described),
    known: known === null ? undefined : new Set(known),
  };
}
