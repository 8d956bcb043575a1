// Chunks of the tasks that count: what they find stands beside the task, and nothing is sent or changed.
import type { Chunk, TaskRow } from '../store/background-tasks.ts';
import type { Queries } from '../store/database.ts';
import { aggregateEventTypes, beginAppStats, countAttempts } from '../store/task-statistics.ts';
import type { Progress } from '../store/task-statistics.ts';

export async function countAppStats(transaction: Queries, task: TaskRow, rowsMax: number): Promise<Chunk> {
  if (task.cursor === null) await beginAppStats(transaction, task);
  return chunkOf(await countAttempts(transaction, task, rowsMax), rowsMax);
}

export async function countEventTypes(transaction: Queries, task: TaskRow, rowsMax: number): Promise<Chunk> {
  return chunkOf(await aggregateEventTypes(transaction, task, rowsMax), rowsMax);
}

function chunkOf({ cursor, lookedAtCount }: Progress, rowsMax: number): Chunk {
  return { cursor, lookedAtCount, doneCount: 0, skippedCount: 0, finished: lookedAtCount < rowsMax };
}
