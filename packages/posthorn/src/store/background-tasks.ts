// Background tasks: what was asked for, how far it is, and who may go on with it.
import { sql } from 'kysely';
import type { Selectable } from 'kysely';
import type { Queries } from './database.ts';
import { databaseNow, inPage } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { Connection } from './partitions.ts';
import type { BackgroundTaskTable, TaskError, TaskFilter, TaskKind, TaskStatus } from './tables.ts';

export type TaskRow = Selectable<BackgroundTaskTable>;

/** Names a task for those who may see it. */
export interface TaskKey {
  environmentId: string;
  id: string;
}

/** One about an application, or about an endpoint of it. */
export type ApplicationTask = TaskRow & { application_id: string };

export interface NewTask extends TaskKey {
  /** Absent for a task about the environment as a whole. */
  applicationId?: string | undefined;
  /** Absent for a task about the application as a whole. */
  endpointId?: string | undefined;
  task: TaskKind;
  /** Inclusive; absent: from the first message. */
  since?: Date | undefined;
  /** Exclusive, and never later than now: what is accepted while the task runs is no part of it. */
  until?: Date | undefined;
  filter?: TaskFilter | undefined;
}

/** Starts a task; undefined when `runningMax` of the application, or about the environment, run already. */
export async function createTask(
  queries: Queries,
  task: NewTask,
  runningMax: number,
): Promise<TaskRow | undefined> {
  const { rows } = await sql<{ id: string }>`
    insert into posthorn.background_task
      (id, environment_id, application_id, endpoint_id, task, since_at, until_at, filter)
    select ${task.id}, ${task.environmentId}, ${task.applicationId ?? null}, ${task.endpointId ?? null}, ${task.task},
      ${task.since ?? null}::timestamptz, least(${task.until ?? null}::timestamptz, now()),
      ${JSON.stringify(task.filter ?? {})}::jsonb
    where (
      select count(*) from posthorn.background_task
      where application_id is not distinct from ${task.applicationId ?? null} and status = 'running'
        and environment_id = ${task.environmentId}
    ) < ${runningMax}
    returning id`.execute(queries);
  return rows.length === 0 ? undefined : findTask(queries, task);
}

export async function findTask(
  queries: Queries,
  { environmentId, id }: TaskKey,
): Promise<TaskRow | undefined> {
  return queries
    .selectFrom('background_task')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    .executeTakeFirst();
}

export async function listTasks(
  queries: Queries,
  environmentId: string,
  filter: { status?: TaskStatus | undefined; task?: TaskKind | undefined },
  keyset: Keyset,
): Promise<TaskRow[]> {
  let query = queries.selectFrom('background_task').selectAll().where('environment_id', '=', environmentId);
  if (filter.status !== undefined) query = query.where('status', '=', filter.status);
  if (filter.task !== undefined) query = query.where('task', '=', filter.task);
  return inPage(query, 'id', keyset).execute();
}

/** Ends a running task after the chunk that is under way. Answers the task as it is then; undefined when unknown. */
export async function cancelTask(queries: Queries, key: TaskKey): Promise<TaskRow | undefined> {
  await queries
    .updateTable('background_task')
    .set({ status: 'cancelled', finished_at: databaseNow, updated_at: databaseNow })
    .where('environment_id', '=', key.environmentId)
    .where('id', '=', key.id)
    .where('status', '=', 'running')
    .execute();
  return findTask(queries, key);
}

/** Whether some task waits for somebody to go on with it. */
export async function hasDueTask(queries: Queries): Promise<boolean> {
  const due = queries
    .selectFrom('background_task')
    .select('id')
    .where('status', '=', 'running')
    .where('next_at', '<=', databaseNow)
    .limit(1);
  return (await due.executeTakeFirst()) !== undefined;
}

/**
 * A running task that nobody is at, locked until the end of the transaction: the lock is the lease. A process that dies
 * loses its connection and with it the lock; one that falls silent loses both after the session's
 * idle_in_transaction_session_timeout (database.ts).
 */
export async function lockNextTask(transaction: Queries): Promise<TaskRow | undefined> {
  return transaction
    .selectFrom('background_task')
    .selectAll()
    .where('status', '=', 'running')
    .where('next_at', '<=', databaseNow)
    .orderBy('next_at')
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
}

/** What one chunk of a task came to. */
export interface Chunk {
  /** The last message that was looked at; undefined when none was left. */
  cursor: string | undefined;
  lookedAtCount: number;
  doneCount: number;
  skippedCount: number;
  /** Nothing is left. */
  finished: boolean;
}

/** For the transaction that did the chunk and holds the task. */
export async function recordChunk(transaction: Queries, id: string, chunk: Chunk): Promise<void> {
  await sql`
    update posthorn.background_task set
      cursor = coalesce(${chunk.cursor ?? null}, cursor),
      looked_at_count = looked_at_count + ${chunk.lookedAtCount}::integer,
      done_count = done_count + ${chunk.doneCount}::integer,
      skipped_count = skipped_count + ${chunk.skippedCount}::integer,
      failures = 0, next_at = clock_timestamp(), updated_at = clock_timestamp(),
      status = case when ${chunk.finished}::boolean then 'finished' else status end,
      finished_at = case when ${chunk.finished}::boolean then clock_timestamp() end
    where id = ${id}`.execute(transaction);
}

/** The task cannot go on. */
export async function failTask(queries: Queries, id: string, error: TaskError): Promise<void> {
  await queries
    .updateTable('background_task')
    .set({
      status: 'failed',
      error: JSON.stringify(error),
      finished_at: databaseNow,
      updated_at: databaseNow,
    })
    .where('id', '=', id)
    .where('status', '=', 'running')
    .execute();
}

/** A chunk was rolled back: it is tried again in `delayMs`. Answers how many failures in a row that makes. */
export async function postponeTask(
  queries: Queries,
  id: string,
  { delayMs, isFailure }: { delayMs: number; isFailure: boolean },
): Promise<number> {
  const row = await queries
    .updateTable('background_task')
    .set((field) => ({
      failures: sql<number>`${field.ref('failures')} + ${isFailure ? 1 : 0}::smallint`,
      next_at: sql<Date>`now() + ${delayMs} * interval '1 ms'`,
    }))
    .where('id', '=', id)
    .where('status', '=', 'running')
    .returning('failures')
    .executeTakeFirst();
  return row?.failures ?? 0;
}

/** Forgets at most `rowsMax` tasks that ended more than `ageMs` ago; returns how many. */
export async function deleteEndedTasks(db: Connection, ageMs: number, rowsMax: number): Promise<number> {
  const { rowCount } = await db.query(
    `delete from posthorn.background_task where id = any (array(
       select id from posthorn.background_task
       where finished_at < now() - $1::bigint * interval '1 ms' order by finished_at limit $2
     ))`,
    [ageMs, rowsMax],
  );
  return rowCount ?? 0;
}
