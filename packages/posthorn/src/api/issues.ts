// Issues over HTTP: what fails, grouped by its cause, with what mends it; resolved, ignored and replayed.
import Type from 'typebox';
import type { Static } from 'typebox';
import type { NewTask } from '../store/background-tasks.ts';
import type { DeliveryState } from '../store/tables.ts';
import { affectedSince, findIssue, ignoreIssue, listIssues, resolveIssue } from '../store/issues.ts';
import type { IssueRow } from '../store/issues.ts';
import { findSource, sourceIdPrefix } from '../store/sources.ts';
import { attempting, configuring, reading, viewing } from './access.ts';
import { startTask, wireTask } from './background-tasks.ts';
import type { Api, ApiDeps } from './context.ts';
import { isName, oneOf } from './fields.ts';
import { filterText } from './message-query.ts';
import { pageQueryFields, parsePage, toList } from './pagination.ts';
import { ApiError, notFound } from './problems.ts';
import { resolveApplication, resolveEndpoint } from './resolve.ts';

const idPrefix = 'iss_';
const idPattern = /^iss_[0-9A-Za-z]{22}$/;
const listPath = '/api/v1/app/:app/issue';
const onePath = `${listPath}/:issue`;

const stateField = Type.Optional(oneOf(['open', 'resolved', 'ignored'] as const));
const AppParams = Type.Object({ app: Type.String() });
const IssueParams = Type.Object({ app: Type.String(), issue: Type.String() });
const ListOfAppQuery = Type.Object({
  ...pageQueryFields,
  state: stateField,
  endpoint_id: Type.Optional(filterText),
});
const ListQuery = Type.Object({
  ...pageQueryFields,
  state: stateField,
  app_id: Type.Optional(filterText),
  source: Type.Optional(filterText),
  endpoint_id: Type.Optional(filterText),
});

// What was not tried yet is on its way, and what succeeded needs nothing.
const affectedStates: readonly DeliveryState[] = ['retrying', 'exhausted', 'cancelled'];

function wireIssue(row: IssueRow) {
  const isOfSource = row.application_id.startsWith(sourceIdPrefix);
  return {
    id: row.id,
    state: row.state,
    appId: row.application_id,
    sourceId: isOfSource ? row.application_id : null,
    endpointId: row.endpoint_id,
    outcome: row.outcome,
    reason: row.reason,
    responseStatusCode: row.status,
    detail: row.detail,
    count: Number(row.count),
    exhaustedCount: Number(row.exhausted_count),
    firstSeenAt: row.first_seen_at.toISOString(),
    lastSeenAt: row.last_seen_at.toISOString(),
    openedAt: row.opened_at.toISOString(),
    openedCount: row.opened_count,
    resolvedAt: row.resolved_at?.toISOString() ?? null,
    resolvedBy: row.resolved_by,
    sample: { msgId: row.message_id, attemptId: row.attempt_id, requestId: row.request_id },
  };
}

const found = (row: IssueRow | undefined): IssueRow => {
  if (row === undefined) throw notFound('Issue not found');
  return row;
};

/** The application that a list is asked for; undefined for all. Throws 404 when it is unknown, 422 when two are named. */
async function askedApplication(
  deps: ApiDeps,
  environmentId: string,
  { app_id: app, source }: Pick<Static<typeof ListQuery>, 'app_id' | 'source'>,
): Promise<string | undefined> {
  if (app !== undefined) return (await resolveApplication(deps, environmentId, app)).id;
  if (source === undefined) return undefined;
  const row = isName(source) ? await findSource(deps.db.queries, environmentId, source) : undefined;
  if (row === undefined) throw notFound('Source not found');
  return row.id;
}

/** An endpoint by its id, or by its uid where the application is known. */
async function askedEndpoint(deps: ApiDeps, applicationId: string | undefined, idOrUid: string | undefined) {
  if (idOrUid === undefined || applicationId === undefined) return idOrUid;
  return (await resolveEndpoint(deps, applicationId, idOrUid)).id;
}

function registerLists(api: Api, deps: ApiDeps): void {
  const { queries } = deps.db;
  const order = { order: 'descending', key: idPrefix } as const;

  api.get(
    '/api/v1/issue',
    { config: reading, schema: { querystring: ListQuery } },
    async ({ environmentId, query }) => {
      const page = parsePage(query, order);
      const applicationId = await askedApplication(deps, environmentId, query);
      const endpointId = await askedEndpoint(deps, applicationId, query.endpoint_id);
      const filter = { environmentId, applicationId, endpointId, state: query.state };
      const rows = await listIssues(queries, filter, page.keyset);
      return toList(rows, page, (row) => row.id, wireIssue);
    },
  );

  api.get(
    listPath,
    { config: viewing, schema: { params: AppParams, querystring: ListOfAppQuery } },
    async ({ environmentId, params, query }) => {
      const page = parsePage(query, order);
      const { id: applicationId } = await resolveApplication(deps, environmentId, params.app);
      const endpointId = await askedEndpoint(deps, applicationId, query.endpoint_id);
      const filter = { environmentId, applicationId, endpointId, state: query.state };
      const rows = await listIssues(queries, filter, page.keyset);
      return toList(rows, page, (row) => row.id, wireIssue);
    },
  );
}

/** What is to be had again. Throws 400 for an endpoint that is sent nothing. */
async function replayOf(deps: ApiDeps, issue: IssueRow): Promise<Omit<NewTask, 'id' | 'environmentId'>> {
  const { application_id: applicationId, endpoint_id: endpointId, outcome, reason } = issue;
  const cause = { outcome, reason };
  const task = { task: 'issue.replay', applicationId } as const;
  if (endpointId === null) return { ...task, filter: { cause } };
  const endpoint = await resolveEndpoint(deps, applicationId, endpointId);
  if (endpoint.disabled) {
    throw new ApiError(
      'endpoint_disabled',
      400,
      'the endpoint is disabled and is sent nothing: enable it (PATCH it with {"disabled": false}), then ask again',
    );
  }
  const since = await affectedSince(deps.db.queries, issue);
  return { ...task, endpointId, since, filter: { cause, states: affectedStates } };
}

export function registerIssueRoutes(api: Api, deps: ApiDeps): void {
  const { queries } = deps.db;
  registerLists(api, deps);

  const keyOf = async (environmentId: string, { app, issue }: Static<typeof IssueParams>) => {
    const { id: applicationId } = await resolveApplication(deps, environmentId, app);
    if (!idPattern.test(issue)) throw notFound('Issue not found');
    return [applicationId, issue] as const;
  };

  api.get(onePath, { config: viewing, schema: { params: IssueParams } }, async ({ environmentId, params }) =>
    wireIssue(found(await findIssue(queries, ...(await keyOf(environmentId, params))))),
  );

  api.post(
    `${onePath}/resolve`,
    { config: configuring, schema: { params: IssueParams } },
    async ({ environmentId, params }) =>
      wireIssue(found(await resolveIssue(queries, ...(await keyOf(environmentId, params))))),
  );

  api.post(
    `${onePath}/ignore`,
    { config: configuring, schema: { params: IssueParams } },
    async ({ environmentId, params }) =>
      wireIssue(found(await ignoreIssue(queries, ...(await keyOf(environmentId, params))))),
  );

  api.post(
    `${onePath}/replay`,
    { config: attempting, schema: { params: IssueParams } },
    async ({ environmentId, params }, reply) => {
      const issue = found(await findIssue(queries, ...(await keyOf(environmentId, params))));
      const task = await startTask(deps, environmentId, await replayOf(deps, issue));
      return reply.code(202).send(wireTask(task));
    },
  );
}
