// What has to be done so that a server has what posthorn.yaml says: found by asking it, and done by its API. Fields that
// the file does not name are left alone, and so is what it does not name at all.
import { isDeepStrictEqual } from 'node:util';
import { publicKeyOf } from '@posthorn/webhooks';
import type { ApiClient } from './api-client.ts';
import { changedFields, differenceOf } from './apply-compare.ts';
import type { EndpointPlanned, Fields, SourcePlanned } from './apply-document.ts';
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';

export interface Step {
  action: 'create' | 'update' | 'keep';
  /** Such as `source shop`, or `endpoint shop/erp`. */
  what: string;
  /** The names of the fields that change; never their values. */
  changes: string[];
  run(): Promise<void>;
}

/** Reads only. */
export async function planApply(api: ApiClient, sources: readonly SourcePlanned[]): Promise<Step[]> {
  const steps: Step[] = [];
  for (const source of sources) {
    steps.push(await planSource(api, source));
    for (const endpoint of source.endpoints) steps.push(await planEndpoint(api, source, endpoint));
  }
  return steps;
}

async function found(api: ApiClient, path: string): Promise<Fields | undefined> {
  try {
    return (await api.request('GET', path)) as Fields;
  } catch (error) {
    if (error instanceof CliError && error.exitCode === exitCodes.notFound) return undefined;
    throw error;
  }
}

/** A server takes fields that it does not know, and forgets them: a wrong name would never be noticed. */
function checkKnown(what: string, fields: Fields, shown: Fields): void {
  const unknown = Object.keys(fields).find((name) => !(name in shown));
  if (unknown === undefined) return;
  throw new CliError(exitCodes.refused, 'unknown_field', `${what}: the server knows no field ${unknown}`, {
    fix: 'correct its name, or leave it out',
  });
}

const isEmpty = (fields: Fields) => Object.keys(fields).length === 0;
const sourcePath = (uid: string) => `/source/${encodeURIComponent(uid)}`;
const kept = (what: string): Step => ({ action: 'keep', what, changes: [], run: async () => {} });

async function planSource(api: ApiClient, source: SourcePlanned): Promise<Step> {
  const { uid, fields, secrets, settings } = source;
  const what = `source ${uid}`;
  const path = sourcePath(uid);
  const current = await found(api, path);
  if (current) checkKnown(what, fields, current);
  const difference = await differenceOf({ fields, hidden: settings ? { settings } : {} }, current);
  const otherSecrets = secrets !== undefined && !(current && (await hasSecrets(api, path, secrets)));
  const changes = [...difference.changes, ...(otherSecrets ? ['secrets'] : [])];
  if (current && changes.length === 0) return kept(what);
  const config = { ...difference.hidden, ...(otherSecrets ? { secrets } : {}) };
  const body = JSON.stringify({ ...difference.fields, ...(isEmpty(config) ? {} : { config }) });
  const run = async () => {
    const shown = await api.request(current ? 'PATCH' : 'PUT', path, body);
    checkKnown(what, fields, shown as Fields);
  };
  return { action: current ? 'update' : 'create', what, changes: current ? changes : [], run };
}

async function hasSecrets(api: ApiClient, path: string, secrets: readonly string[]): Promise<boolean> {
  const { data } = (await api.request('GET', `${path}/secret`)) as {
    data: { key: string; expiresAt: string | null }[];
  };
  const current = data.filter(({ expiresAt }) => expiresAt === null).map(({ key }) => key);
  return isDeepStrictEqual(current, secrets);
}

/** What of an endpoint has paths of its own. */
type Parts = Pick<EndpointPlanned, 'secret' | 'headers' | 'transformation'>;

async function planEndpoint(
  api: ApiClient,
  source: SourcePlanned,
  { uid, fields: given, ...parts }: EndpointPlanned,
): Promise<Step> {
  const what = `endpoint ${source.uid}/${uid}`;
  const path = `${sourcePath(source.uid)}/endpoint/${encodeURIComponent(uid)}`;
  const current = await found(api, path);
  if (current) checkKnown(what, given, current);
  const { auth, config, ...fields } = given;
  const hidden = givenOf({ auth, config, headers: parts.headers });
  const difference = await differenceOf({ fields, hidden }, current);
  const { headers: otherHeaders, ...otherHidden } = difference.hidden;
  const differing = current ? await differingParts(api, path, parts) : givenOf(parts);
  if (otherHeaders !== undefined) differing.headers = otherHeaders;
  const changes = [...new Set([...difference.changes, ...Object.keys(differing)])];
  if (current && changes.length === 0) return kept(what);
  const { metadata, ...others } = difference.fields;
  // An endpoint that goes elsewhere is told its credentials in the same request, or the server refuses.
  const isMoved = current !== undefined && ('url' in others || 'config' in otherHidden);
  const again = isMoved ? givenOf({ auth, headers: parts.headers }) : {};
  const run = async () => {
    const body = { ...others, ...otherHidden, ...again };
    const method = current ? 'PATCH' : 'PUT';
    if (!isEmpty(body)) {
      checkKnown(what, given, (await api.request(method, path, JSON.stringify(body))) as Fields);
    }
    await changeParts(api, path, differing);
    // The last: it says that what cannot be seen was done.
    if (metadata !== undefined) await api.request('PATCH', path, JSON.stringify({ metadata }));
  };
  const told = current ? changes : Object.keys(differing);
  return { action: current ? 'update' : 'create', what, changes: told, run };
}

function givenOf(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Those that are not what the file says. */
async function differingParts(
  api: ApiClient,
  path: string,
  { secret, headers, transformation }: Parts,
): Promise<Record<string, unknown>> {
  const read = async (part: string) => (await api.request('GET', `${path}/${part}`)) as Fields;
  const differing: Record<string, unknown> = {};
  if (secret !== undefined && (await read('secret')).key !== (await shownKey(secret)))
    differing.secret = secret;
  if (headers && !hasHeaders(await read('headers'), headers)) differing.headers = headers;
  if (transformation && !isEmpty(changedFields(transformation, await read('transformation')))) {
    differing.transformation = transformation;
  }
  return differing;
}

/** As the API shows it; undefined for what it refuses. */
async function shownKey(secret: string): Promise<string | undefined> {
  if (!secret.startsWith('whsk_')) return secret;
  return publicKeyOf(secret).catch(() => undefined);
}

/** As far as they are shown. */
function hasHeaders(current: Fields, wanted: Fields): boolean {
  const { headers, sensitive } = current as { headers: Fields; sensitive: string[] };
  const names = [...Object.keys(headers), ...sensitive].sort();
  if (!isDeepStrictEqual(names, Object.keys(wanted).sort())) return false;
  return Object.entries(headers).every(([name, value]) => wanted[name] === value);
}

async function changeParts(
  api: ApiClient,
  path: string,
  { secret, headers, transformation }: Fields,
): Promise<void> {
  if (secret) await api.request('POST', `${path}/secret/rotate`, JSON.stringify({ key: secret }));
  if (headers) await api.request('PUT', `${path}/headers`, JSON.stringify({ headers }));
  if (transformation) await api.request('PATCH', `${path}/transformation`, JSON.stringify(transformation));
}
