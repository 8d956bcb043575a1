// `posthorn replay`: sends many messages again, by filter and time range, as background tasks of the server, one for each
// endpoint; and follows them.
import type { Config } from '../config.ts';
import { systemClock } from '../lib/clock.ts';
import { createApiClient } from './api-client.ts';
import type { ApiClient } from './api-client.ts';
import { usageError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { findServer } from './find-server.ts';
import { writeJson } from './io.ts';
import type { Io } from './io.ts';
import { readTask, rowsOf, waitForTasks } from './replay-wait.ts';
import type { Task } from './replay-wait.ts';

export interface ReplayOptions {
  app: string;
  endpoint?: string[];
  since: string;
  until?: string;
  failed?: boolean;
  missing?: boolean;
  type?: string[];
  channel?: string;
  tag?: string;
  status?: string;
  responseClass?: string;
  server?: string;
  token?: string;
  /** False with --no-wait. */
  wait: boolean;
  /** Seconds, as text. */
  timeout: string;
}

const requestTimeoutMs = 15_000;
const waitMaxSeconds = 604_800;
const pageSize = 250;
const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
// The API's numbers for the state of a delivery.
const statuses: Readonly<Record<string, number>> = { succeeded: 0, retrying: 1, failed: 2, cancelled: 4 };

/** `config` gives the data directory in which a running `posthorn dev` is found. */
export async function runReplay(options: ReplayOptions, config: Config, io: Io): Promise<ExitCode> {
  const waitMs = readTimeout(options.timeout);
  const body = JSON.stringify({ ...readRange(options), ...readFilter(options) });
  const { serverUrl, token } = await findServer(options, config, io);
  const client = createApiClient({ serverUrl, token, requestTimeoutMs });
  const base = `/app/${encodeURIComponent(options.app)}/endpoint`;
  const tasks: Task[] = [];
  for (const endpoint of options.endpoint ?? (await enabledEndpoints(client, base))) {
    const started = await client.request(
      'POST',
      `${base}/${encodeURIComponent(endpoint)}/${verbOf(options)}`,
      body,
    );
    tasks.push(readTask(started));
  }
  if (options.wait) return waitForTasks({ client, tasks, waitMs }, io);
  if (io.json) writeJson(io, { tasks });
  else for (const { id } of tasks) io.stdout.write(`${id}\n`);
  return exitCodes.ok;
}

function verbOf({ failed, missing }: ReplayOptions): string {
  if (failed === true) return 'recover';
  return missing === true ? 'replay-missing' : 'bulk-replay';
}

async function enabledEndpoints(client: ApiClient, base: string): Promise<string[]> {
  const ids: string[] = [];
  for (let iterator = ''; ; ) {
    const page = (await client.request('GET', `${base}?limit=${pageSize}${iterator}`)) as Record<
      string,
      unknown
    >;
    ids.push(...rowsOf(page).flatMap((row) => (row.disabled === true ? [] : [String(row.id)])));
    if (page.done === true || typeof page.iterator !== 'string') return ids;
    iterator = `&iterator=${encodeURIComponent(page.iterator)}`;
  }
}

function readRange({ since, until }: ReplayOptions): { since: string; until?: string } {
  const range = { since: readTime('--since', since) };
  return until === undefined ? range : { ...range, until: readTime('--until', until) };
}

/** A time, or how long ago: `2026-11-26T07:00:00Z`, `90m`. */
function readTime(flag: string, text: string): string {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== undefined)
    return new Date(systemClock.now() - Number(count) * (unitsMs[unit] ?? 0)).toISOString();
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? new Date(text) : new Date(Number.NaN);
  if (Number.isNaN(time.getTime())) {
    throw usageError(
      `${flag} ${text} is not a time`,
      'write it like 2026-11-26T07:00:00Z, or 90m, 24h, 7d for how long ago',
    );
  }
  return time.toISOString();
}

function readFilter(options: ReplayOptions): Record<string, unknown> {
  const { type, channel, tag, status, responseClass } = options;
  const given = Object.entries({ type, channel, tag, status, 'response-class': responseClass });
  const names = given.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`]));
  if (options.failed === true && options.missing === true) {
    throw usageError('--failed and --missing are both given', 'give one of them, or neither');
  }
  if ((options.failed === true || options.missing === true) && names.length > 0) {
    const mode = options.failed === true ? '--failed' : '--missing';
    throw usageError(
      `${names.join(', ')} cannot go with ${mode}`,
      `leave it out: ${mode} takes all in the range`,
    );
  }
  return {
    ...(type === undefined ? {} : { eventTypes: type }),
    ...(channel === undefined ? {} : { channel }),
    ...(tag === undefined ? {} : { tag }),
    ...(status === undefined ? {} : { status: statuses[status] }),
    ...(responseClass === undefined ? {} : { statusCodeClass: readClass(responseClass) }),
  };
}

function readClass(text: string): number {
  const [, digit] = /^([1-5])xx$/.exec(text) ?? [];
  if (digit !== undefined) return Number(digit) * 100;
  if (text === 'none') return 0;
  throw usageError(`--response-class ${text} is no class`, 'give 1xx, 2xx, 3xx, 4xx, 5xx, or none');
}

function readTimeout(text: string): number {
  if (/^\d{1,6}$/.test(text) && Number(text) <= waitMaxSeconds) return Number(text) * 1_000;
  throw usageError(
    `--timeout ${text} is not a number of seconds`,
    `give whole seconds up to ${waitMaxSeconds}`,
  );
}
