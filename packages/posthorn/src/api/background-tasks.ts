// Background tasks over HTTP: how far each is, and stopping one; other routes start them.
import Type from 'typebox';
import { cancelTask, createTask, findTask, listTasks } from '../store/background-tasks.ts';
import type { NewTask, TaskRow } from '../store/background-tasks.ts';
import { listTaskResults } from '../store/task-statistics.ts';
import { managing } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { pageQueryFields, parsePage, toList } from './pagination.ts';
import { ApiError, conflict, notFound } from './problems.ts';

const idPrefix = 'qtask_';
/** Running tasks of one application. */
const runningMax = 20;

const Status = Type.Union([
  Type.Literal('running'),
  Type.Literal('finished'),
  Type.Literal('failed'),
  Type.Literal('cancelled'),
]);
const Kind = Type.Union([
  Type.Literal('endpoint.recover'),
  Type.Literal('endpoint.replay'),
  Type.Literal('endpoint.bulk-replay'),
  Type.Literal('issue.replay'),
  Type.Literal('application.purge_content'),
  Type.Literal('application.stats'),
  Type.Literal('event-type.aggregate'),
]);
const ListQuery = Type.Object({
  ...pageQueryFields,
  status: Type.Optional(Status),
  task: Type.Optional(Kind),
});
const TaskParams = Type.Object({ task: Type.String() });

type Results = Awaited<ReturnType<typeof listTaskResults>>;

/** What the task has done so far; the first member is the reference's. */
function dataOf(row: TaskRow, results: Results | undefined) {
  const range = { since: row.since_at?.toISOString() ?? null, until: row.until_at.toISOString() };
  const error = row.error === null ? {} : { error: row.error };
  if (row.application_id === null) return { ...wireResults(row, results), ...range, ...error };
  const doneCount = Number(row.done_count);
  const own = {
    messagesChecked: Number(row.looked_at_count),
    appId: row.application_id,
    ...range,
    ...error,
  };
  const messagesSkipped = Number(row.skipped_count);
  if (row.endpoint_id === null && row.task === 'issue.replay') {
    const { messagesChecked: requestsChecked, ...rest } = own;
    return { requestsReplayed: doneCount, requestsSkipped: messagesSkipped, requestsChecked, ...rest };
  }
  if (row.endpoint_id === null) return { messagesPurged: doneCount, ...own };
  return { messagesSent: doneCount, messagesSkipped, endpointId: row.endpoint_id, ...own };
}

function wireResults({ task, looked_at_count }: TaskRow, results: Results | undefined) {
  const isStats = task === 'application.stats';
  const checked = Number(looked_at_count);
  const progress = isStats ? { attemptsChecked: checked } : { applicationsChecked: checked };
  if (results === undefined) return progress;
  if (isStats) return { appStats: results.map(wireAppStats), ...progress };
  return { event_types: results.map(wireEventTypes), ...progress };
}

function wireAppStats({ id, uid, value }: Results[number]) {
  const { destinations, attempts } = { destinations: 0, attempts: 0, ...value };
  return { messageDestinations: destinations, attempts, appId: id, appUid: uid };
}

function wireEventTypes({ id, uid, value }: Results[number]) {
  const { eventTypes, hasCatchAllEndpoint } = { eventTypes: [], hasCatchAllEndpoint: false, ...value };
  return { appId: id, appUid: uid, explicitlySubscribedEventTypes: eventTypes, hasCatchAllEndpoint };
}

/** `results` are those of a task about the environment, once it is finished. */
export function wireTask(row: TaskRow, results?: Results) {
  return {
    id: row.id,
    status: row.status,
    task: row.task,
    data: dataOf(row, results),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** Throws 400 when too many tasks of the application, or about the environment, run. */
export async function startTask(
  deps: ApiDeps,
  environmentId: string,
  task: Omit<NewTask, 'id' | 'environmentId'>,
): Promise<TaskRow> {
  const row = await createTask(
    deps.db.queries,
    { ...task, id: deps.newId(idPrefix), environmentId },
    runningMax,
  );
  if (row === undefined) {
    throw new ApiError(
      'limit_reached',
      400,
      `${runningMax} background tasks of this ${task.applicationId === undefined ? 'environment' : 'application'} are running: wait for one to end, or cancel one`,
    );
  }
  deps.wakeTasks();
  return row;
}

export function registerBackgroundTaskRoutes(api: Api, deps: ApiDeps): void {
  const { queries } = deps.db;
  const path = '/api/v1/background-task/:task';

  api.get(
    '/api/v1/background-task',
    { config: managing, schema: { querystring: ListQuery } },
    async ({ environmentId, query }) => {
      const page = parsePage(query, { order: 'descending', key: idPrefix });
      const rows = await listTasks(queries, environmentId, query, page.keyset);
      return toList(
        rows,
        page,
        (row) => row.id,
        (row) => wireTask(row),
      );
    },
  );

  api.get(path, { config: managing, schema: { params: TaskParams } }, async ({ environmentId, params }) => {
    const row = await findTask(queries, { environmentId, id: params.task });
    if (row === undefined) throw notFound('Background task not found');
    const isReport = row.application_id === null && row.status === 'finished';
    return wireTask(row, isReport ? await listTaskResults(queries, row.id) : undefined);
  });

  api.post(
    `${path}/cancel`,
    { config: managing, schema: { params: TaskParams } },
    async ({ environmentId, params }) => {
      const row = await cancelTask(queries, { environmentId, id: params.task });
      if (row === undefined) throw notFound('Background task not found');
      if (row.status !== 'cancelled') throw conflict(`the task is ${row.status} already`);
      return wireTask(row);
    },
  );
}
