// Tasks that find out something about every application of an environment, a bounded number of rows at a time.
import { sql } from 'kysely';
import { idFloor } from '../lib/ids.ts';
import type { TaskRow } from './background-tasks.ts';
import type { Queries } from './database.ts';
import { idTimeSlackMs } from './messages.ts';
import type { TaskResult } from './tables.ts';

/** How far a statement came: the last row that it looked at; undefined when there was none. */
export interface Progress {
  cursor: string | undefined;
  lookedAtCount: number;
}

/** The live applications of a customer; sources and the operator's own are none. */
const isCustomer = sql`not a.operational and not a.source and a.deleted_at is null`;

const isWanted = ({ filter }: TaskRow) =>
  filter.applicationIds === undefined ? sql`true` : sql`a.id = any(${filter.applicationIds}::text[])`;

/** For an application without attempts, too, there is a number. */
export async function beginAppStats(transaction: Queries, task: TaskRow): Promise<void> {
  await sql`
    insert into posthorn.background_task_result (task_id, application_id, value)
    select ${task.id}, a.id, '{"destinations": 0, "attempts": 0}'
    from posthorn.application a
    where a.environment_id = ${task.environment_id} and ${isCustomer} and ${isWanted(task)}
    on conflict do nothing`.execute(transaction);
}

/**
 * Counts the next `rowsMax` attempts, whoever's they are: by their ids, which are the order in which they are stored. A
 * message is counted for an endpoint with its first attempt in the range.
 */
export async function countAttempts(transaction: Queries, task: TaskRow, rowsMax: number): Promise<Progress> {
  const floor = idFloor('atmpt_', Math.max((task.since_at?.getTime() ?? 0) - idTimeSlackMs, 0));
  const ceiling = idFloor('atmpt_', task.until_at.getTime() + idTimeSlackMs);
  const { rows } = await sql<{ cursor: string | null; looked: number }>`
    with looked as materialized (
      select id, application_id, message_id, endpoint_id, started_at from posthorn.attempt
      where id > ${task.cursor ?? floor} and id < ${ceiling} order by id limit ${rowsMax}
    ), task as (
      select since_at, until_at from posthorn.background_task where id = ${task.id}
    ), counted as (
      select l.application_id, count(*) as attempts, count(*) filter (where not exists (
        select from posthorn.attempt earlier
        where earlier.application_id = l.application_id and earlier.message_id = l.message_id
          and earlier.id < l.id and earlier.id > ${floor} and earlier.endpoint_id = l.endpoint_id
          and earlier.started_at >= task.since_at and earlier.started_at < task.until_at
      )) as destinations
      from looked l join task on l.started_at >= task.since_at and l.started_at < task.until_at
      join posthorn.application a on a.id = l.application_id
      where a.environment_id = ${task.environment_id} and not a.operational and not a.source and ${isWanted(task)}
      group by l.application_id
    ), stored as (
      insert into posthorn.background_task_result as result (task_id, application_id, value)
      select ${task.id}, application_id, jsonb_build_object('destinations', destinations, 'attempts', attempts)
      from counted
      on conflict (task_id, application_id) do update set value = jsonb_build_object(
        'destinations', (result.value ->> 'destinations')::bigint + (excluded.value ->> 'destinations')::bigint,
        'attempts', (result.value ->> 'attempts')::bigint + (excluded.value ->> 'attempts')::bigint)
    )
    select max(id) as cursor, count(*)::integer as looked from looked`.execute(transaction);
  return progressOf(rows[0]);
}

/** Notes what the endpoints of the next `rowsMax` applications ask for by name, disabled ones included. */
export async function aggregateEventTypes(
  transaction: Queries,
  task: TaskRow,
  rowsMax: number,
): Promise<Progress> {
  const { rows } = await sql<{ cursor: string | null; looked: number }>`
    with looked as materialized (
      select a.id from posthorn.application a
      where a.environment_id = ${task.environment_id} and a.id > ${task.cursor ?? ''} and ${isCustomer}
      order by a.id limit ${rowsMax}
    ), stored as (
      insert into posthorn.background_task_result (task_id, application_id, value)
      select ${task.id}, l.id, jsonb_build_object(
        'eventTypes', (
          select coalesce(jsonb_agg(distinct t.name order by t.name), '[]')
          from posthorn.endpoint e cross join unnest(e.event_types) t (name)
          where e.application_id = l.id and e.deleted_at is null
        ),
        'hasCatchAllEndpoint', exists (
          select from posthorn.endpoint e
          where e.application_id = l.id and e.deleted_at is null and e.event_types is null
        ))
      from looked l
      on conflict do nothing
    )
    select max(id) as cursor, count(*)::integer as looked from looked`.execute(transaction);
  return progressOf(rows[0]);
}

function progressOf(row: { cursor: string | null; looked: number } | undefined): Progress {
  return { cursor: row?.cursor ?? undefined, lookedAtCount: row?.looked ?? 0 };
}

/** What the task has found out, by application. */
export async function listTaskResults(
  queries: Queries,
  taskId: string,
): Promise<{ id: string; uid: string | null; value: TaskResult }[]> {
  return queries
    .selectFrom('background_task_result')
    .innerJoin('application', 'application.id', 'background_task_result.application_id')
    .select(['application.id', 'application.uid', 'background_task_result.value'])
    .where('background_task_result.task_id', '=', taskId)
    .orderBy('application.id')
    .execute();
}

/** The live applications of a customer that these ids and uids name. */
export async function findCustomers(
  queries: Queries,
  environmentId: string,
  names: readonly string[],
): Promise<{ id: string; uid: string | null }[]> {
  const { rows } = await sql<{ id: string; uid: string | null }>`
    select a.id, a.uid from posthorn.application a
    where a.environment_id = ${environmentId} and ${isCustomer}
      and (a.id = any(${names}::text[]) or a.uid = any(${names}::text[]))`.execute(queries);
  return rows;
}
