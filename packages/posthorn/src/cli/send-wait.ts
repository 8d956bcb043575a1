// `posthorn send --wait`: follows the deliveries of one message until all are settled or the time is up.
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../lib/clock.ts';
import type { ApiClient } from './api-client.ts';
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { alignColumns, writeJson } from './io.ts';
import type { Io } from './io.ts';

export interface WaitFor {
  client: ApiClient;
  /** The application's id or uid. */
  app: string;
  message: { id: string };
  waitMs: number;
}

interface Attempt {
  id: string;
  endpointId: string;
  url: string;
  status: number;
  statusCode: number;
  durationMs: number;
  /** Why there was no answer, such as `timeout`; null when there was one. */
  reason: string | null;
}

interface Destination {
  endpointId: string;
  status: number;
  nextAttempt: string | null;
}

interface Progress {
  attempts: Attempt[];
  destinations: Destination[];
}

// The API's numbers for the state of a delivery or attempt.
const statusSuccess = 0;
const statusFailure = 2;
const statusCancelled = 4;
const pollEveryMs = 200;
const pageSize = 250;

/** Tells every attempt as it shows up. Exits ok when all deliveries succeeded, failure when one is given up. */
export async function waitForDeliveries(wait: WaitFor, io: Io): Promise<ExitCode> {
  const deadline = systemClock.monotonicMs() + wait.waitMs;
  const told = new Set<string>();
  for (;;) {
    const progress = await readProgress(wait);
    if (!io.json) tellNew(progress.attempts, told, io);
    if (progress.destinations.every(isSettled)) return finish(progress, wait, io);
    if (systemClock.monotonicMs() >= deadline) return giveUp(progress, wait, io);
    await pause(pollEveryMs);
  }
}

async function readProgress({ client, app, message }: WaitFor): Promise<Progress> {
  const base = `/app/${encodeURIComponent(app)}`;
  const id = encodeURIComponent(message.id);
  const destinations = await client.request('GET', `${base}/msg/${id}/endpoint?limit=${pageSize}`);
  const attempts = await client.request('GET', `${base}/attempt/msg/${id}?limit=${pageSize}`);
  return {
    attempts: rowsOf(attempts).map(readAttempt).toReversed(),
    destinations: rowsOf(destinations).map(readDestination),
  };
}

type Row = Record<string, unknown>;

function rowsOf(list: unknown): Row[] {
  const data: unknown = typeof list === 'object' && list !== null && 'data' in list ? list.data : undefined;
  if (Array.isArray(data)) return data as Row[];
  throw new CliError(exitCodes.failure, 'not_posthorn', 'the server answered without a list', {
    fix: 'check that --server or POSTHORN_SERVER_URL names a Posthorn server',
  });
}

function readAttempt(row: Row): Attempt {
  return {
    id: String(row.id),
    endpointId: String(row.endpointId),
    url: String(row.url),
    status: Number(row.status),
    statusCode: Number(row.responseStatusCode),
    durationMs: Number(row.responseDurationMs),
    reason: typeof row.reason === 'string' ? row.reason : null,
  };
}

function readDestination(row: Row): Destination {
  return {
    endpointId: String(row.id),
    status: Number(row.status),
    nextAttempt: typeof row.nextAttempt === 'string' ? row.nextAttempt : null,
  };
}

/** A failed one with another attempt ahead is still open. */
function isSettled({ status, nextAttempt }: Destination): boolean {
  if (status === statusFailure) return nextAttempt === null;
  return status === statusSuccess || status === statusCancelled;
}

function tellNew(attempts: readonly Attempt[], told: Set<string>, io: Io): void {
  const fresh = attempts.filter(({ id }) => !told.has(id));
  for (const { id } of fresh) told.add(id);
  io.stdout.write(
    alignColumns(fresh.map((attempt) => [attempt.endpointId, ...describe(attempt), attempt.url])),
  );
}

function describe({ status, statusCode, durationMs, reason }: Attempt): string[] {
  const word = status === statusSuccess ? 'succeeded' : 'failed';
  return [word, statusCode > 0 ? String(statusCode) : (reason ?? 'no answer'), `${durationMs} ms`];
}

function finish(progress: Progress, { message }: WaitFor, io: Io): ExitCode {
  const failed = progress.destinations.filter(({ status }) => status !== statusSuccess).length;
  if (io.json) writeJson(io, { message, ...progress });
  else io.stderr.write(`${summary(progress.destinations.length, failed)}\n`);
  return failed === 0 ? exitCodes.ok : exitCodes.failure;
}

function summary(count: number, failed: number): string {
  if (count === 0) return 'no endpoint takes this message; it is stored';
  return failed === 0 ? `delivered to ${count} of ${count}` : `${failed} of ${count} given up`;
}

function giveUp(progress: Progress, { message, waitMs }: WaitFor, io: Io): ExitCode {
  const open = progress.destinations.filter((destination) => !isSettled(destination)).length;
  const error = new CliError(
    exitCodes.timeout,
    'timeout',
    `${open} of ${progress.destinations.length} deliveries are open after ${waitMs} ms`,
    {
      fix: 'Posthorn goes on retrying; give --wait more time with --timeout SECONDS',
    },
  );
  if (!io.json) throw error;
  writeJson(io, {
    message,
    ...progress,
    error: { code: error.code, message: error.message, fix: error.fix },
  });
  return error.exitCode;
}
