// `posthorn import-svix`: what a Svix server knows, copied through its API into a Posthorn, as often as one likes. What
// has a uid is found by it again; what has none gets its old id as uid, behind a mark.
import type { Config } from '../config.ts';
import { createApiClient } from './api-client.ts';
import type { ApiClient } from './api-client.ts';
import { CliError, usageError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { findServer } from './find-server.ts';
import { readPages } from './import-pages.ts';
import type { Thing } from './import-pages.ts';
import { writeNote, writeResult } from './io.ts';
import type { Io } from './io.ts';

export interface ImportOptions {
  from: string;
  fromToken?: string;
  server?: string;
  token?: string;
}

const requestTimeoutMs = 30_000;
const toldEvery = 100;
// Ids are not uids: `app_…` and `ep_…` are names that the new server gives out itself.
const uidMark = 'svix.';
const publicKeyPrefix = 'whpk_';

interface Import {
  from: ApiClient;
  to: ApiClient;
  io: Io;
  counts: { eventTypes: number; applications: number; endpoints: number };
  /** Where the new ids are found: old id, and the uid that leads to the new one. */
  uids: { id: string; uid: string }[];
  /** What somebody has to do by hand. */
  warnings: string[];
}

/** Exits with `refused` when something could not be copied; everything else is. */
export async function runImport(options: ImportOptions, config: Config, io: Io): Promise<ExitCode> {
  const { serverUrl, token } = await findServer(options, config, io);
  const copy: Import = {
    from: sourceClient(options, io),
    to: createApiClient({ serverUrl, token, requestTimeoutMs }),
    io,
    counts: { eventTypes: 0, applications: 0, endpoints: 0 },
    uids: [],
    warnings: [],
  };
  await copyEventTypes(copy);
  await copyApplications(copy);
  const { counts, uids, warnings } = copy;
  for (const warning of io.json ? [] : warnings)
    writeNote(io, `${io.paint('yellow', 'by hand:')} ${warning}`);
  const { eventTypes, applications, endpoints } = counts;
  const text = `${eventTypes} event types, ${applications} applications and ${endpoints} endpoints copied`;
  writeResult(io, text, { ...counts, uids, warnings });
  return warnings.length === 0 ? exitCodes.ok : exitCodes.refused;
}

function sourceClient({ from, fromToken }: ImportOptions, io: Io): ApiClient {
  const token = fromToken ?? io.env.SVIX_AUTH_TOKEN ?? '';
  if (!URL.canParse(from) || !/^https?:$/.test(new URL(from).protocol)) {
    throw usageError(`--from ${from} is not an http or https URL`, 'write it like https://api.eu.svix.com');
  }
  if (token === '') {
    throw new CliError(exitCodes.auth, 'no_token', `there is no token for ${from}`, {
      fix: 'pass one with --from-token or SVIX_AUTH_TOKEN',
    });
  }
  const client = createApiClient({ serverUrl: from, token, requestTimeoutMs });
  return {
    async request(method, path, body) {
      try {
        return await client.request(method, path, body);
      } catch (error) {
        if (!(error instanceof CliError)) throw error;
        throw new CliError(error.exitCode, error.code, `${from}: ${error.message}`, {
          fix: 'check --from and --from-token',
          cause: error,
        });
      }
    },
  };
}

/** The members of `thing` by these names that say something. */
function pick(thing: Thing, names: readonly string[]): Thing {
  const entries = names.map((name) => [name, thing[name]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== null));
}

async function put(copy: Import, path: string, body: Thing): Promise<void> {
  await copy.to.request('PUT', path, JSON.stringify(body));
}

/** Runs `work`; what the new server refuses becomes a warning, and the import goes on. */
async function unlessRefused(copy: Import, what: string, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== exitCodes.refused) throw error;
    copy.warnings.push(`${what} was refused: ${error.message}`);
    return false;
  }
}

const eventTypeFields = [
  'description',
  'schemas',
  'archived',
  'deprecated',
  'groupName',
  'featureFlags',
  'featureFlag',
];

async function copyEventTypes(copy: Import): Promise<void> {
  const path = '/event-type?with_content=true&include_archived=true';
  for await (const eventType of readPages(copy.from, path)) {
    const name = String(eventType.name);
    const copied = await unlessRefused(copy, `event type ${name}`, () =>
      put(copy, `/event-type/${encodeURIComponent(name)}`, pick(eventType, eventTypeFields)),
    );
    if (copied) copy.counts.eventTypes += 1;
  }
}

function uidOf(copy: Import, thing: Thing): string {
  if (typeof thing.uid === 'string' && thing.uid !== '') return thing.uid;
  const id = String(thing.id);
  const uid = uidMark + id;
  copy.uids.push({ id, uid });
  return uid;
}

async function copyApplications(copy: Import): Promise<void> {
  for await (const application of readPages(copy.from, '/app?order=ascending')) {
    const uid = uidOf(copy, application);
    const path = `/app/${encodeURIComponent(uid)}`;
    const copied = await unlessRefused(copy, `application ${uid}`, async () => {
      const body = pick(application, ['name', 'metadata', 'throttleRate', 'rateLimit']);
      await put(copy, path, { ...body, uid });
      await copyEndpoints(copy, String(application.id), path);
    });
    if (!copied) continue;
    copy.counts.applications += 1;
    if (copy.counts.applications % toldEvery === 0) {
      writeNote(copy.io, `${copy.counts.applications} applications so far`);
    }
  }
}

const endpointFields = [
  'url',
  'description',
  'eventTypes',
  'filterTypes',
  'channels',
  'disabled',
  'metadata',
  'throttleRate',
  'rateLimit',
];

async function copyEndpoints(copy: Import, oldApplicationId: string, newPath: string): Promise<void> {
  const oldPath = `/app/${encodeURIComponent(oldApplicationId)}/endpoint`;
  for await (const endpoint of readPages(copy.from, `${oldPath}?order=ascending`)) {
    const uid = uidOf(copy, endpoint);
    const paths = {
      from: `${oldPath}/${encodeURIComponent(String(endpoint.id))}`,
      to: `${newPath}/endpoint/${encodeURIComponent(uid)}`,
    };
    const copied = await unlessRefused(copy, `endpoint ${String(endpoint.url)} (${uid})`, async () => {
      // Its receivers may read svix-id or webhook-id: both are sent, with the same signature.
      await put(copy, paths.to, { ...pick(endpoint, endpointFields), uid, signatureStyle: 'both' });
      await copySecret(copy, paths);
      await copyHeaders(copy, paths);
    });
    if (copied) copy.counts.endpoints += 1;
  }
}

interface Paths {
  from: string;
  to: string;
}

async function keyAt(client: ApiClient, path: string): Promise<string> {
  const { key } = (await client.request('GET', `${path}/secret`)) as { key?: unknown };
  return typeof key === 'string' ? key : '';
}

async function copySecret(copy: Import, paths: Paths): Promise<void> {
  const key = await keyAt(copy.from, paths.from);
  if (key.startsWith(publicKeyPrefix)) {
    copy.warnings.push(
      `${paths.to} signed with Ed25519, whose private key no API gives out: rotate its secret, and tell its receiver`,
    );
    return;
  }
  if (key === (await keyAt(copy.to, paths.to))) return;
  // The one that was made with the endpoint, or that a former run copied, need not sign any more.
  const rotation = JSON.stringify({ key, gracePeriodSeconds: 0 });
  await copy.to.request('POST', `${paths.to}/secret/rotate`, rotation);
}

async function copyHeaders(copy: Import, paths: Paths): Promise<void> {
  const answer = (await copy.from.request('GET', `${paths.from}/headers`)) as {
    headers?: Thing;
    sensitive?: unknown[];
  };
  const { headers = {}, sensitive = [] } = answer;
  // Where the old server hides some, those that were set by hand since the last run stay.
  if (sensitive.length === 0) await put(copy, `${paths.to}/headers`, { headers });
  else await copy.to.request('PATCH', `${paths.to}/headers`, JSON.stringify({ headers }));
  const known = (await copy.to.request('GET', `${paths.to}/headers`)) as { sensitive?: unknown[] };
  const names = (known.sensitive ?? []).map((name) => String(name).toLowerCase());
  const missing = sensitive.map(String).filter((name) => !names.includes(name.toLowerCase()));
  if (missing.length === 0) return;
  copy.warnings.push(`${paths.to} has headers whose values are not shown: set ${missing.join(', ')}`);
}
