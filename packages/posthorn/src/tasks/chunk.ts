// One chunk of a background task: what is looked at, and what is done with what the task is about.
import { matches } from '../core/matching.ts';
import type { ReplayRequest } from '../core/replay.ts';
import type { ApplicationTask, Chunk, TaskRow } from '../store/background-tasks.ts';
import type { Queries } from '../store/database.ts';
import { findEndpoint } from '../store/endpoints.ts';
import { expungePayloads } from '../store/messages.ts';
import { requestResends } from '../store/resend.ts';
import type { DeliveryState, TaskError } from '../store/tables.ts';
import { nextDeliveries, nextMessages, nextMissing, nextRefused } from '../store/task-messages.ts';
import type { EndpointTask, LookedAt } from '../store/task-messages.ts';
import { filteredMessagesMax, keepMatching } from './filter-missing.ts';
import { countAppStats, countEventTypes } from './statistics.ts';

/** Each of them is verified and stored by a transaction of its own, while the one that holds the task waits. */
const requestsMax = 20;

export interface ChunkRules {
  /** How many messages one looks at. */
  rowsMax: number;
  replayRequest: ReplayRequest;
}

/** In the transaction that holds the task. A `TaskError` says why there can be no next chunk. */
export async function doChunk(
  transaction: Queries,
  task: TaskRow,
  rules: ChunkRules,
): Promise<Chunk | TaskError> {
  if (isOfApplication(task)) return doApplicationChunk(transaction, task, rules);
  if (task.task === 'application.stats') return countAppStats(transaction, task, rules.rowsMax);
  return countEventTypes(transaction, task, rules.rowsMax);
}

function isOfApplication(task: TaskRow): task is ApplicationTask {
  return task.application_id !== null;
}

async function doApplicationChunk(
  transaction: Queries,
  task: ApplicationTask,
  { rowsMax, replayRequest }: ChunkRules,
): Promise<Chunk | TaskError> {
  switch (task.task) {
    case 'issue.replay':
      if (task.endpoint_id === null) return replayRefused(transaction, task, replayRequest);
      return withEndpoint(transaction, task, (one) => replay(transaction, one, rowsMax));
    case 'endpoint.recover':
    case 'endpoint.bulk-replay':
      return withEndpoint(transaction, task, (one) => replay(transaction, one, rowsMax));
    case 'endpoint.replay':
      return withEndpoint(transaction, task, (one) => replayMissing(transaction, one, rowsMax));
    case 'application.purge_content':
      return purge(transaction, task, rowsMax);
    case 'application.stats':
    case 'event-type.aggregate':
      throw new Error(`${task.task} is no task of an application`);
  }
}

interface Target extends EndpointTask {
  eventTypes: string[] | null;
  channels: string[] | null;
  filter: string | null;
}

async function withEndpoint(
  transaction: Queries,
  task: ApplicationTask,
  work: (target: Target) => Promise<Chunk>,
): Promise<Chunk | TaskError> {
  const endpointId = task.endpoint_id ?? '';
  const endpoint = await findEndpoint(transaction, task.application_id, endpointId);
  if (endpoint === undefined) return { code: 'not_found', detail: 'the endpoint was deleted' };
  if (endpoint.disabled) {
    const detail = 'the endpoint is disabled and is sent nothing: enable it, then start the task again';
    return { code: 'endpoint_disabled', detail };
  }
  const { event_types: eventTypes, channels, filter } = endpoint;
  return work({ task, endpointId, eventTypes, channels, filter });
}

async function replay(transaction: Queries, target: Target, rowsMax: number): Promise<Chunk> {
  const rows = await nextDeliveries(transaction, target, rowsMax);
  const messageIds = idsOf(rows);
  const doneCount = await resend(transaction, target, messageIds, target.task.filter.states ?? []);
  return chunkOf(rows, rowsMax, { wantedCount: messageIds.length, doneCount });
}

// What is missing depends on what the endpoint wants now: the same decision as when a message is accepted.
async function replayMissing(transaction: Queries, target: Target, rowsMax: number): Promise<Chunk> {
  const { task, endpointId, eventTypes, channels, filter } = target;
  const messagesMax = filter === null ? rowsMax : Math.min(rowsMax, filteredMessagesMax);
  const rows = await nextMissing(transaction, target, messagesMax);
  const subscription = { disabled: false, eventTypes, channels };
  const wanted = rows.filter(
    (row) =>
      row.wanted && matches(subscription, { eventType: row.event_type, channels: row.channels ?? undefined }),
  );
  const filtered = filter !== null && { applicationId: task.application_id, endpointId, expression: filter };
  const kept = filtered ? await keepMatching(transaction, filtered, wanted) : wanted;
  const doneCount = await resend(transaction, target, idsOf(kept), ['cancelled']);
  return chunkOf(rows, messagesMax, { wantedCount: wanted.length, doneCount });
}

// Whoever dies in the middle has had some of them taken in: asked again, the source says so, and they are passed over.
async function replayRefused(
  transaction: Queries,
  task: ApplicationTask,
  replayRequest: ReplayRequest,
): Promise<Chunk> {
  const requestIds = await nextRefused(transaction, task, requestsMax);
  let doneCount = 0;
  for (const requestId of requestIds) {
    const key = { environmentId: task.environment_id, sourceId: task.application_id, requestId };
    const { kind } = await replayRequest(key);
    if (kind === 'accepted') doneCount += 1;
  }
  const rows = requestIds.map((id) => ({ id, wanted: true }));
  return chunkOf(rows, requestsMax, { wantedCount: rows.length, doneCount });
}

async function purge(transaction: Queries, task: ApplicationTask, rowsMax: number): Promise<Chunk> {
  const rows = await nextMessages(transaction, task, rowsMax);
  const purged = await expungePayloads(transaction, task.application_id, idsOf(rows));
  return chunkOf(rows, rowsMax, { wantedCount: purged.length, doneCount: purged.length });
}

function resend(
  transaction: Queries,
  { task, endpointId }: EndpointTask,
  messageIds: readonly string[],
  states: readonly DeliveryState[],
): Promise<number> {
  return requestResends(transaction, { applicationId: task.application_id, endpointId, messageIds, states });
}

const idsOf = (rows: readonly LookedAt[]) => rows.filter(({ wanted }) => wanted).map(({ id }) => id);

function chunkOf(
  rows: readonly LookedAt[],
  rowsMax: number,
  { wantedCount, doneCount }: { wantedCount: number; doneCount: number },
): Chunk {
  return {
    cursor: rows.at(-1)?.id,
    lookedAtCount: rows.length,
    doneCount,
    skippedCount: wantedCount - doneCount,
    finished: rows.length < rowsMax,
  };
}
