// Works on background tasks, one chunk at a time. Each chunk is one transaction that locks the task, does a bounded piece
// of its work and stores how far it came: whoever dies in the middle has done nothing, and any process goes on from there.
import type { ReplayRequest } from '../core/replay.ts';
import type { Clock } from '../lib/clock.ts';
import { createLoop, type Loop } from '../lib/loop.ts';
import type { Log } from '../lib/log.ts';
import { isDatabaseUnavailable } from '../store/availability.ts';
import { failTask, hasDueTask, lockNextTask, postponeTask, recordChunk } from '../store/background-tasks.ts';
import type { TaskRow } from '../store/background-tasks.ts';
import type { Database, Queries } from '../store/database.ts';
import { doChunk } from './chunk.ts';
import type { ChunkRules } from './chunk.ts';

/** A task that another process began is looked for this often. */
const idleMs = 10_000;
const errorDelayMs = 5_000;
/** Messages that one transaction looks at: a few ten milliseconds' work. */
const defaultChunkMessagesMax = 1_000;
/** Between chunks, the pause is as long as the chunk was, so that a task has half a connection, and at least this. */
const pauseMinMs = 20;
/** Chunks in a row that may fail before the task has failed. */
const failuresMax = 5;
const retryDelayMs = 2_000;

export interface TaskRunner extends Loop {
  /** One chunk of one task, if there is any; resolves with the milliseconds until the next look. */
  runOnce(): Promise<number>;
}

export interface TaskRunnerDeps {
  db: Database;
  clock: Clock;
  log: Log;
  /** Deliveries have become due. */
  wake(): void;
  /** Has a request judged again that its source refused. */
  replayRequest: ReplayRequest;
  chunkMessagesMax?: number;
}

export function createTaskRunner(deps: TaskRunnerDeps): TaskRunner {
  const { clock, log } = deps;
  const runOnce = async () => {
    const startedMs = clock.monotonicMs();
    const worked = await work(deps);
    return worked ? Math.max(pauseMinMs, clock.monotonicMs() - startedMs) : idleMs;
  };
  return { ...createLoop({ name: 'tasks', runOnce, errorDelayMs, log }), runOnce };
}

/** False when there was nothing to do. */
async function work(deps: TaskRunnerDeps): Promise<boolean> {
  // One statement instead of a transaction's three: an idle server is nearly silent.
  if (!(await hasDueTask(deps.db.queries))) return false;
  const held: { task?: TaskRow } = {};
  try {
    const sentCount = await deps.db.queries
      .transaction()
      // Whatever the server's default: a chunk counts on a new snapshot for each statement.
      .setIsolationLevel('read committed')
      .execute(async (transaction) => {
        const task = await lockNextTask(transaction);
        if (task === undefined) return 0;
        held.task = task;
        return workOn(transaction, task, {
          ...deps,
          rowsMax: deps.chunkMessagesMax ?? defaultChunkMessagesMax,
        });
      });
    if (sentCount > 0) deps.wake();
  } catch (error) {
    if (held.task === undefined) throw error;
    await postpone(deps, held.task, error);
  }
  return held.task !== undefined;
}

/** How many deliveries are due now. */
async function workOn(transaction: Queries, task: TaskRow, rules: ChunkRules): Promise<number> {
  const chunk = await doChunk(transaction, task, rules);
  if ('code' in chunk) {
    await failTask(transaction, task.id, chunk);
    return 0;
  }
  await recordChunk(transaction, task.id, chunk);
  return task.endpoint_id === null ? 0 : chunk.doneCount;
}

/** Others come first then. What fails again and again, with a database that works, is a bug: it must not run for ever. */
async function postpone({ db, log }: TaskRunnerDeps, { id, task }: TaskRow, error: unknown): Promise<void> {
  const isBug = !isDatabaseUnavailable(error);
  const failures = await postponeTask(db.queries, id, { delayMs: retryDelayMs, isFailure: isBug });
  log[isBug ? 'error' : 'warn']({ err: error, taskId: id, task }, 'a chunk of a background task failed');
  if (failures < failuresMax) return;
  await failTask(db.queries, id, {
    code: 'server_error',
    detail: `an unexpected error occurred ${failures} times in a row; the log has it under the id of this task`,
  });
}
