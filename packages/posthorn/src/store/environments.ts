// Environments: the outermost boundary; every token belongs to one.
import type { Selectable } from 'kysely';
import type { Queries } from './database.ts';
import type { EnvironmentTable, UnknownEventTypes } from './tables.ts';

export type EnvironmentRow = Selectable<EnvironmentTable>;

/** Makes the environment, or returns the one that has this name already, also when another process was faster. */
export async function createEnvironment(
  queries: Queries,
  environment: { id: string; name: string },
): Promise<EnvironmentRow> {
  const made = await queries
    .insertInto('environment')
    .values(environment)
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (made !== undefined) return made;
  return queries
    .selectFrom('environment')
    .selectAll()
    .where('name', '=', environment.name)
    .executeTakeFirstOrThrow();
}

export async function findEnvironmentByName(
  queries: Queries,
  name: string,
): Promise<EnvironmentRow | undefined> {
  return queries.selectFrom('environment').selectAll().where('name', '=', name).executeTakeFirst();
}

export async function findEnvironment(queries: Queries, id: string): Promise<EnvironmentRow | undefined> {
  return queries.selectFrom('environment').selectAll().where('id', '=', id).executeTakeFirst();
}

/** What is left out stays as it is. */
export interface EnvironmentSettings {
  unknownEventTypes?: UnknownEventTypes;
  messageRetentionDays?: number;
  attemptRetentionDays?: number;
}

export async function changeSettings(
  queries: Queries,
  id: string,
  settings: EnvironmentSettings,
): Promise<void> {
  await queries
    .updateTable('environment')
    .set((row) => ({
      unknown_event_types: settings.unknownEventTypes ?? row.ref('unknown_event_types'),
      message_retention_days: settings.messageRetentionDays ?? row.ref('message_retention_days'),
      attempt_retention_days: settings.attemptRetentionDays ?? row.ref('attempt_retention_days'),
    }))
    .where('id', '=', id)
    .execute();
}

/** Days; what is left out stays as it is. */
export interface RetentionDays {
  message?: number | undefined;
  attempt?: number | undefined;
  audit?: number | undefined;
}

/** Undefined when there is no environment of this name. */
export async function updateRetention(
  queries: Queries,
  name: string,
  days: RetentionDays,
): Promise<EnvironmentRow | undefined> {
  return queries
    .updateTable('environment')
    .set((row) => ({
      message_retention_days: days.message ?? row.ref('message_retention_days'),
      attempt_retention_days: days.attempt ?? row.ref('attempt_retention_days'),
      audit_retention_days: days.audit ?? row.ref('audit_retention_days'),
    }))
    .where('name', '=', name)
    .returningAll()
    .executeTakeFirst();
}

export async function listEnvironments(queries: Queries): Promise<EnvironmentRow[]> {
  return queries.selectFrom('environment').selectAll().orderBy('id').execute();
}
