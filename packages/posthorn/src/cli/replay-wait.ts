// Follows the background tasks that `posthorn replay` has started until all have ended or the time is up.
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../lib/clock.ts';
import type { ApiClient } from './api-client.ts';
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { alignColumns, writeJson, writeNote } from './io.ts';
import type { Io } from './io.ts';

export interface Task {
  id: string;
  endpointId: string;
  status: string;
  messagesSent: number;
  messagesSkipped: number;
  messagesChecked: number;
  /** Why it failed; null when it did not. */
  error: string | null;
}

export interface WaitForTasks {
  client: ApiClient;
  tasks: readonly Task[];
  waitMs: number;
}

type Row = Record<string, unknown>;

const running = 'running';
const pollEveryMs = 500;

/** Progress goes to stderr, a line whenever it has changed. Exits ok when every task has finished. */
export async function waitForTasks({ client, tasks, waitMs }: WaitForTasks, io: Io): Promise<ExitCode> {
  const deadline = systemClock.monotonicMs() + waitMs;
  let current = tasks;
  let told = '';
  for (;;) {
    const line = progressOf(current);
    if (!io.json && line !== told) writeNote(io, line);
    told = line;
    if (current.every(({ status }) => status !== running)) return finish(current, io);
    if (systemClock.monotonicMs() >= deadline) return giveUp(current, waitMs, io);
    await pause(pollEveryMs);
    current = await Promise.all(current.map((task) => readAgain(client, task)));
  }
}

async function readAgain(client: ApiClient, task: Task): Promise<Task> {
  if (task.status !== running) return task;
  return readTask(await client.request('GET', `/background-task/${encodeURIComponent(task.id)}`));
}

export function readTask(answer: unknown): Task {
  const { id, status, data } = (typeof answer === 'object' && answer !== null ? answer : {}) as Row;
  if (typeof id !== 'string' || typeof status !== 'string') throw notPosthorn('a background task');
  const found = (typeof data === 'object' && data !== null ? data : {}) as Row;
  const error = found.error as { detail?: unknown } | undefined;
  return {
    id,
    endpointId: String(found.endpointId),
    status,
    messagesSent: Number(found.messagesSent ?? 0),
    messagesSkipped: Number(found.messagesSkipped ?? 0),
    messagesChecked: Number(found.messagesChecked ?? 0),
    error: typeof error?.detail === 'string' ? error.detail : null,
  };
}

export function rowsOf(list: unknown): Row[] {
  const data: unknown = typeof list === 'object' && list !== null && 'data' in list ? list.data : undefined;
  if (Array.isArray(data)) return data as Row[];
  throw notPosthorn('a list');
}

function notPosthorn(what: string): CliError {
  return new CliError(exitCodes.failure, 'not_posthorn', `the server answered without ${what}`, {
    fix: 'check that --server or POSTHORN_SERVER_URL names a Posthorn server',
  });
}

function progressOf(tasks: readonly Task[]): string {
  const sum = (field: 'messagesSent' | 'messagesChecked') =>
    tasks.reduce((all, task) => all + task[field], 0);
  const ended = tasks.filter(({ status }) => status !== running).length;
  const counts = `${sum('messagesSent')} messages scheduled, ${sum('messagesChecked')} looked at`;
  return tasks.length === 0
    ? 'the application has no enabled endpoint'
    : `${ended} of ${tasks.length} tasks ended: ${counts}`;
}

function finish(tasks: readonly Task[], io: Io): ExitCode {
  if (io.json) writeJson(io, { tasks });
  else io.stdout.write(alignColumns(tasks.map(columnsOf)));
  return tasks.every(({ status }) => status === 'finished') ? exitCodes.ok : exitCodes.failure;
}

function columnsOf({ id, endpointId, status, messagesSent, messagesSkipped, error }: Task): string[] {
  const counts = [`${messagesSent} sent`, `${messagesSkipped} skipped`];
  return [id, endpointId, status, ...counts, ...(error === null ? [] : [error])];
}

function giveUp(tasks: readonly Task[], waitMs: number, io: Io): ExitCode {
  const open = tasks.filter(({ status }) => status === running).length;
  const error = new CliError(
    exitCodes.timeout,
    'timeout',
    `${open} of ${tasks.length} tasks are running after ${waitMs} ms`,
    { fix: 'they go on without this command; give it more time with --timeout SECONDS' },
  );
  if (!io.json) throw error;
  writeJson(io, { tasks, error: { code: error.code, message: error.message, fix: error.fix } });
  return error.exitCode;
}
