// Issues as the API reads and changes them; issue-sightings.ts opens them, and resolves what was mended.
import { sql } from 'kysely';
import type { Selectable } from 'kysely';
import type { Queries } from './database.ts';
import type { IssueState, IssueTable } from './issue-tables.ts';
import { inPage } from './keyset.ts';
import type { Keyset } from './keyset.ts';

export type IssueRow = Selectable<IssueTable>;

interface IssueFilter {
  environmentId: string;
  applicationId?: string | undefined;
  endpointId?: string | undefined;
  state?: IssueState | undefined;
}

export async function listIssues(
  queries: Queries,
  { environmentId, applicationId, endpointId, state }: IssueFilter,
  keyset: Keyset,
): Promise<IssueRow[]> {
  let query = queries.selectFrom('issue').selectAll().where('environment_id', '=', environmentId);
  if (applicationId !== undefined) query = query.where('application_id', '=', applicationId);
  if (endpointId !== undefined) query = query.where('endpoint_id', '=', endpointId);
  if (state !== undefined) query = query.where('state', '=', state);
  return inPage(query, 'id', keyset).execute();
}

export async function findIssue(
  queries: Queries,
  applicationId: string,
  id: string,
): Promise<IssueRow | undefined> {
  return queries
    .selectFrom('issue')
    .selectAll()
    .where('application_id', '=', applicationId)
    .where('id', '=', id)
    .executeTakeFirst();
}

/**
 * By hand, until it is seen again. The operator is told where it was open. Undefined when there is none. One statement: a
 * failure that is counted at the same moment is counted before or after it.
 */
export async function resolveIssue(
  queries: Queries,
  applicationId: string,
  id: string,
): Promise<IssueRow | undefined> {
  await sql`
    with held as materialized (
      select id, state from posthorn.issue where application_id = ${applicationId} and id = ${id} for no key update
    ), resolved as (
      update posthorn.issue i
      set state = 'resolved', resolved_at = now(), resolved_by = 'request', updated_at = now()
      from held h where i.id = h.id and h.state <> 'resolved'
      returning i.*
    )
    select posthorn.tell_of_issue(r::posthorn.issue, 'issue.resolved')
    from resolved r join held h on h.id = r.id where h.state = 'open'`.execute(queries);
  return findIssue(queries, applicationId, id);
}

/** Nobody is told of it any more, however often it is seen. Undefined when there is none. */
export async function ignoreIssue(
  queries: Queries,
  applicationId: string,
  id: string,
): Promise<IssueRow | undefined> {
  await queries
    .updateTable('issue')
    .set({ state: 'ignored', resolved_at: null, resolved_by: null, updated_at: sql<Date>`now()` })
    .where('application_id', '=', applicationId)
    .where('id', '=', id)
    .where('state', '<>', 'ignored')
    .execute();
  return findIssue(queries, applicationId, id);
}

/** When the oldest message was accepted that an issue is about, as far as it is still there. */
export async function affectedSince(
  queries: Queries,
  { application_id, first_message_id }: IssueRow,
): Promise<Date | undefined> {
  if (first_message_id === null) return undefined;
  const message = await queries
    .selectFrom('message')
    .select('created_at')
    .where('application_id', '=', application_id)
    .where('id', '=', first_message_id)
    .executeTakeFirst();
  return message?.created_at;
}
