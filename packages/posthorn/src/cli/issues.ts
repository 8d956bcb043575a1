// `posthorn issues`: what fails in an environment, grouped by its cause, and what is done about it.
import type { Config } from '../config.ts';
import { createApiClient } from './api-client.ts';
import type { ApiClient } from './api-client.ts';
import { CliError, usageError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { findServer } from './find-server.ts';
import { alignColumns, writeJson, writeResult } from './io.ts';
import type { Io } from './io.ts';

export interface IssuesOptions {
  state: 'open' | 'resolved' | 'ignored' | 'all';
  app?: string;
  source?: string;
  endpoint?: string;
  server?: string;
  token?: string;
}

export type IssueAction = 'resolve' | 'ignore' | 'replay';

interface Issue {
  id: string;
  state: string;
  appId: string;
  endpointId: string | null;
  reason: string;
  detail: string | null;
  count: number;
  lastSeenAt: string;
}

const requestTimeoutMs = 15_000;
const listMax = 250;

/** `config` gives the data directory in which a running `posthorn dev` is found. */
export async function runIssueList(options: IssuesOptions, config: Config, io: Io): Promise<ExitCode> {
  const client = await connect(options, config, io);
  const { data, done } = asPage(await client.request('GET', `/issue?${queryOf(options)}`));
  writeResult(io, data.length === 0 ? noneText(options) : alignColumns(tableOf(data)), { data, done });
  if (!done && !io.json) io.stderr.write(`the ${listMax} newest are shown; --app or --endpoint show fewer\n`);
  return exitCodes.ok;
}

export async function runIssueAction(
  { app, id, action }: { app: string | undefined; id: string; action: IssueAction },
  options: Pick<IssuesOptions, 'server' | 'token'>,
  config: Config,
  io: Io,
): Promise<ExitCode> {
  if (app === undefined) {
    throw usageError(`posthorn issues ${action} needs --app`, 'posthorn issues shows the APP of each issue');
  }
  const client = await connect(options, config, io);
  const path = `/app/${encodeURIComponent(app)}/issue/${encodeURIComponent(id)}/${action}`;
  const answer = (await client.request('POST', path)) as { id: string };
  if (io.json) writeJson(io, answer);
  else io.stdout.write(`${answer.id}\n`);
  return exitCodes.ok;
}

async function connect(
  options: Pick<IssuesOptions, 'server' | 'token'>,
  config: Config,
  io: Io,
): Promise<ApiClient> {
  return createApiClient({ ...(await findServer(options, config, io)), requestTimeoutMs });
}

function queryOf({ state, app, source, endpoint }: IssuesOptions): string {
  const query = new URLSearchParams({ limit: String(listMax) });
  if (state !== 'all') query.set('state', state);
  if (app !== undefined) query.set('app_id', app);
  if (source !== undefined) query.set('source', source);
  if (endpoint !== undefined) query.set('endpoint_id', endpoint);
  return String(query);
}

function asPage(answer: unknown): { data: Issue[]; done: boolean } {
  const { data, done } = (answer ?? {}) as { data?: unknown; done?: unknown };
  if (Array.isArray(data)) return { data: data as Issue[], done: done !== false };
  throw new CliError(exitCodes.failure, 'not_posthorn', 'the server did not answer with a list of issues', {
    fix: 'check that --server or POSTHORN_SERVER_URL names a Posthorn server of this version',
  });
}

const noneText = ({ state }: IssuesOptions) => (state === 'all' ? 'no issues\n' : `no ${state} issues\n`);

function tableOf(issues: readonly Issue[]): string[][] {
  return [
    ['ID', 'STATE', 'COUNT', 'LAST SEEN', 'APP', 'ENDPOINT', 'REASON', 'WHAT TO DO'],
    ...issues.map((issue) => [
      issue.id,
      issue.state,
      String(issue.count),
      issue.lastSeenAt,
      issue.appId,
      issue.endpointId ?? '-',
      issue.reason,
      issue.detail ?? '',
    ]),
  ];
}
