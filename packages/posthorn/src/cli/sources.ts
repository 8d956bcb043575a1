// `posthorn source`: sources over the API of a running server.
import type { Config } from '../config.ts';
import { createApiClient } from './api-client.ts';
import type { ApiClient } from './api-client.ts';
import { ingestPath } from './apply.ts';
import { usageError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { findServer } from './find-server.ts';
import { readPages } from './import-pages.ts';
import type { Thing } from './import-pages.ts';
import { alignColumns, writeResult } from './io.ts';
import type { Io } from './io.ts';

const requestTimeoutMs = 30_000;
const shownMax = 1_000;

export interface ServerOptions {
  server?: string;
  token?: string;
}

export interface CreateOptions extends ServerOptions {
  type: string;
  name?: string;
  secretFrom?: string;
  to?: string;
  order?: string;
  onlyNewer?: boolean;
}

async function client(options: ServerOptions, config: Config, io: Io): Promise<ApiClient> {
  const { serverUrl, token } = await findServer(options, config, io);
  return createApiClient({ serverUrl, token, requestTimeoutMs, basePath: ingestPath });
}

const pathOf = (source: string) => `/source/${encodeURIComponent(source)}`;

/** In a variable, because every user of a machine can read its command lines. */
function secretOf({ secretFrom }: CreateOptions, io: Io): string | undefined {
  if (secretFrom === undefined) return undefined;
  const text = io.env[secretFrom];
  if (text === undefined || text === '') {
    throw usageError(
      `the variable ${secretFrom} is not set`,
      'put the secret into it, and its name behind --secret-from',
    );
  }
  return text;
}

const orderModes: Readonly<Record<string, string>> = { endpoint: 'fifo', key: 'key' };

/** Undefined for none. */
function orderingOf({ to, order, onlyNewer = false }: CreateOptions): object | undefined {
  if (order === undefined && !onlyNewer) return undefined;
  if (to === undefined) throw usageError('an order is that of an endpoint', 'name one with --to');
  const mode = orderModes[order ?? ''];
  if (mode === undefined) throw usageError('--order must be endpoint or key', 'correct it, or leave it out');
  if (!onlyNewer) return { mode };
  if (mode !== 'key') throw usageError('--only-newer needs --order key', 'add it, or leave both out');
  return { mode, onlyNewer };
}

export async function runSourceCreate(
  uid: string,
  options: CreateOptions,
  config: Config,
  io: Io,
): Promise<ExitCode> {
  const api = await client(options, config, io);
  const secret = secretOf(options, io);
  const ordering = orderingOf(options);
  const body = {
    type: options.type,
    name: options.name ?? uid,
    config: secret === undefined ? {} : { secret },
  };
  const source = (await api.request('PUT', pathOf(uid), JSON.stringify(body))) as Thing;
  if (options.to !== undefined) {
    await api.request('PUT', `${pathOf(uid)}/endpoint/main`, JSON.stringify({ url: options.to, ordering }));
  }
  const { data } = (await api.request('GET', `${pathOf(uid)}/secret`)) as { data: Thing[] };
  const key = data[0]?.key;
  const lines = [
    `URL     ${String(source.ingestUrl)}`,
    ...(typeof key === 'string' ? [`Secret  ${key}`] : []),
  ];
  writeResult(io, lines.join('\n'), { source, secret: key ?? null });
  return exitCodes.ok;
}

export async function runSourceList(options: ServerOptions, config: Config, io: Io): Promise<ExitCode> {
  const api = await client(options, config, io);
  const sources: Thing[] = [];
  for await (const source of readPages(api, '/source?order=ascending')) {
    sources.push(source);
    if (sources.length === shownMax) break;
  }
  const rows = sources.map(({ id, uid, type, ingestUrl }) => [id, uid ?? '-', type, ingestUrl].map(String));
  writeResult(io, alignColumns(rows), { sources });
  return exitCodes.ok;
}

export async function runSourceRequests(
  source: string,
  options: ServerOptions & { verdict?: string },
  config: Config,
  io: Io,
): Promise<ExitCode> {
  const api = await client(options, config, io);
  const query = options.verdict === undefined ? '' : `&verdict=${encodeURIComponent(options.verdict)}`;
  const { data } = (await api.request('GET', `${pathOf(source)}/request?limit=50${query}`)) as {
    data: Thing[];
  };
  const rows = data.map(({ id, receivedAt, verdict, method, bodyBytes, reason, detail, advice }) =>
    [id, receivedAt, verdict, method, `${String(bodyBytes)} B`, reason ?? '', advice ?? detail ?? ''].map(
      String,
    ),
  );
  writeResult(io, alignColumns(rows), { requests: data });
  return exitCodes.ok;
}

/** One request, or all that are set aside when none is named. */
export async function runSourceReplay(
  [source = '', request]: readonly string[],
  options: ServerOptions,
  config: Config,
  io: Io,
): Promise<ExitCode> {
  const api = await client(options, config, io);
  const ids = request === undefined ? await setAside(api, source) : [request];
  const results: Thing[] = [];
  for (const id of ids) {
    const path = `${pathOf(source)}/request/${encodeURIComponent(id)}/replay`;
    results.push({ request: id, ...((await api.request('POST', path)) as Thing) });
  }
  const rows = results.map((one) =>
    [one.request, one.verdict, one.reason ?? '', one.detail ?? ''].map(String),
  );
  writeResult(io, alignColumns(rows), { replayed: results });
  return results.every(({ verdict }) => verdict === 'accepted') ? exitCodes.ok : exitCodes.refused;
}

/** What was refused or parked, the oldest first. */
async function setAside(api: ApiClient, source: string): Promise<string[]> {
  const ids: string[] = [];
  for (const verdict of ['rejected', 'parked']) {
    const path = `${pathOf(source)}/request?order=ascending&verdict=${verdict}`;
    for await (const { id } of readPages(api, path)) ids.push(String(id));
  }
  // Ids sort by time.
  return ids.sort();
}

export async function runSourceRotate(
  source: string,
  options: ServerOptions,
  config: Config,
  io: Io,
): Promise<ExitCode> {
  const api = await client(options, config, io);
  const { ingestUrl } = (await api.request('POST', `${pathOf(source)}/token/rotate`)) as Thing;
  writeResult(io, String(ingestUrl), { ingestUrl });
  return exitCodes.ok;
}

export async function runSourceDelete(
  source: string,
  options: ServerOptions,
  config: Config,
  io: Io,
): Promise<ExitCode> {
  const api = await client(options, config, io);
  await api.request('DELETE', pathOf(source));
  writeResult(io, `source ${source} deleted`, { deleted: source });
  return exitCodes.ok;
}
