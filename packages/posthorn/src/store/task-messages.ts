// The next messages that a background task looks at: so many at a time, whatever comes of them, so that a chunk costs
// the same when one in a million is wanted.
import { sql } from 'kysely';
import type { RawBuilder, SqlBool } from 'kysely';
import { idFloor } from '../lib/ids.ts';
import type { ApplicationTask } from './background-tasks.ts';
import type { Queries } from './database.ts';
import { idTimeSlackMs, messageConditions, messageIdCeiling, messageIdFloor } from './messages.ts';
import type { TaskFilter } from './tables.ts';

/** A message that was looked at; `wanted` where the task is about it. */
export interface LookedAt {
  id: string;
  wanted: boolean;
}

/** A message of the application; `wanted` where this endpoint was never sent it. */
export interface Missing extends LookedAt {
  event_type: string;
  event_id: string | null;
  channels: string[] | null;
  tags: string[] | null;
}

/** The task and its endpoint. */
export interface EndpointTask {
  task: ApplicationTask;
  endpointId: string;
}

/** Ids between which everything in the task's range lies, after what was looked at already. */
function boundsOf({ since_at, until_at, cursor }: ApplicationTask): { after: string; before: string } {
  return {
    after: cursor ?? messageIdFloor(since_at?.getTime() ?? 0),
    before: messageIdCeiling(until_at.getTime()),
  };
}

// Compared in the database: a Date would lose the microseconds, and with them a message accepted just before the task.
const inRange = (task: ApplicationTask): RawBuilder<SqlBool> => sql<SqlBool>`exists (
  select from posthorn.background_task t where t.id = ${task.id}
    and (t.since_at is null or message.created_at >= t.since_at) and message.created_at < t.until_at
)`;

/** An attempt is made after its message was accepted: this leaves out the older partitions. */
const attemptFloor = ({ since_at }: ApplicationTask): string =>
  idFloor('atmpt_', Math.max((since_at?.getTime() ?? 0) - idTimeSlackMs, 0));

function lastAttemptFits({ responseStatus: status, cause }: TaskFilter): RawBuilder<SqlBool> | undefined {
  // As settle-deliveries.ts names causes.
  if (cause !== undefined) {
    return sql<SqlBool>`last.outcome = ${cause.outcome}
      and coalesce(last.reason, last.response_status / 100 || 'xx', 'no_status') = ${cause.reason}`;
  }
  if (status === undefined) return undefined;
  return status === 'none'
    ? sql<SqlBool>`last.response_status is null`
    : sql<SqlBool>`last.response_status between ${status.from} and ${status.to}`;
}

function lastAttemptCondition({ task, endpointId }: EndpointTask): RawBuilder<SqlBool> | undefined {
  const fits = lastAttemptFits(task.filter);
  if (fits === undefined) return undefined;
  return sql<SqlBool>`exists (select from (
    select a.outcome, a.reason, a.response_status from posthorn.attempt a
    where a.application_id = ${task.application_id} and a.message_id = looked.message_id
      and a.endpoint_id = ${endpointId} and a.id >= ${attemptFloor(task)}
    order by a.id desc limit 1
  ) last where ${fits})`;
}

/** The next `rowsMax` messages that were meant for the endpoint, those first that were accepted first. */
export async function nextDeliveries(
  queries: Queries,
  endpointTask: EndpointTask,
  rowsMax: number,
): Promise<LookedAt[]> {
  const { task, endpointId } = endpointTask;
  const { after, before } = boundsOf(task);
  const { filter } = task;
  // What the endpoint's own filter or code refused was never meant to be sent to it.
  const isRefused = sql`coalesce(looked.cancel_reason in ('filter', 'filter_error', 'transformation'), false)`;
  const conditions = [inRange(task), sql<SqlBool>`not (looked.state = 'cancelled' and ${isRefused})`];
  conditions.push(...messageConditions(filter));
  if (filter.states !== undefined) conditions.push(sql`looked.state::text = any(${filter.states}::text[])`);
  const ofLastAttempt = lastAttemptCondition(endpointTask);
  if (ofLastAttempt !== undefined) conditions.push(ofLastAttempt);
  const { rows } = await sql<LookedAt>`
    with looked as materialized (
      select message_id, state, cancel_reason from posthorn.delivery
      where endpoint_id = ${endpointId} and application_id = ${task.application_id}
        and message_id > ${after} and message_id < ${before}
      order by message_id limit ${rowsMax}
    )
    select looked.message_id as id, message.id is not null and ${sql.join(conditions, sql` and `)} as wanted
    from looked left join posthorn.message
      on message.application_id = ${task.application_id} and message.id = looked.message_id
    order by looked.message_id`.execute(queries);
  return rows;
}

/**
 * The next `rowsMax` messages of the application. Never sent to the endpoint is also what was meant for it and was
 * cancelled before its first attempt, unless by the endpoint's own filter or transformation. What is to be delivered
 * later is not missing yet.
 */
export async function nextMissing(
  queries: Queries,
  { task, endpointId }: EndpointTask,
  rowsMax: number,
): Promise<Missing[]> {
  const { after, before } = boundsOf(task);
  const { rows } = await sql<Missing>`
    with message as materialized (
      select id, event_type, event_id, channels, tags, deliver_at, created_at from posthorn.message
      where application_id = ${task.application_id} and id > ${after} and id < ${before}
      order by id limit ${rowsMax}
    )
    select message.id, message.event_type, message.event_id, message.channels, message.tags, ${inRange(task)}
      and (message.deliver_at is null or message.deliver_at <= now())
      and not exists (
        select from posthorn.delivery d
        where d.application_id = ${task.application_id} and d.message_id = message.id
          and d.endpoint_id = ${endpointId} and (
            d.state <> 'cancelled' or d.cancel_reason in ('filter', 'filter_error', 'transformation') or exists (
              select from posthorn.attempt a
              where a.application_id = d.application_id and a.message_id = d.message_id
                and a.endpoint_id = d.endpoint_id and a.id >= ${attemptFloor(task)}
            )
          )
      ) as wanted
    from message order by message.id`.execute(queries);
  return rows;
}

/** The next `rowsMax` messages of the application; wanted are those in the task's range. */
export async function nextMessages(
  queries: Queries,
  task: ApplicationTask,
  rowsMax: number,
): Promise<LookedAt[]> {
  const { after, before } = boundsOf(task);
  const { rows } = await sql<LookedAt>`
    select message.id, ${inRange(task)} as wanted from posthorn.message
    where message.application_id = ${task.application_id} and message.id > ${after} and message.id < ${before}
    order by message.id limit ${rowsMax}`.execute(queries);
  return rows;
}

/** The next `rowsMax` requests that the source refused for this reason, and has refused still. */
export async function nextRefused(
  queries: Queries,
  task: ApplicationTask,
  rowsMax: number,
): Promise<string[]> {
  const rows = await queries
    .selectFrom('request')
    .select('id')
    .where('application_id', '=', task.application_id)
    .where('id', '>', task.cursor ?? '')
    .where('received_at', '<', task.until_at)
    .where('verdict', '=', 'rejected')
    .where('reason', '=', task.filter.cause?.reason ?? '')
    .orderBy('id')
    .limit(rowsMax)
    .execute();
  return rows.map(({ id }) => id);
}
