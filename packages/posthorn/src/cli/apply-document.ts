// posthorn.yaml: what sources and endpoints there should be. Read, its references filled in, and its shape checked; what
// the fields may hold is the API's to say.
import { LineCounter, parseDocument } from 'yaml';
import { fillReferences, type References } from './apply-references.ts';
import { usageError } from './cli-error.ts';

const textMaxBytes = 1024 * 1024;
const namePattern = /^[a-zA-Z0-9\-_.]{1,256}$/;

export type Fields = Readonly<Record<string, unknown>>;

export interface EndpointPlanned {
  uid: string;
  fields: Fields;
  secret: string | undefined;
  headers: Readonly<Record<string, string>> | undefined;
  transformation: Fields | undefined;
}

export interface SourcePlanned {
  uid: string;
  fields: Fields;
  /** The newest first; undefined where the file says nothing of them. */
  secrets: readonly string[] | undefined;
  settings: Readonly<Record<string, string>> | undefined;
  endpoints: readonly EndpointPlanned[];
}

type Fail = (what: string) => Error;

/** Throws a usage error that says where in the file what is wrong. It never repeats a value. */
export async function readApplyDocument(
  text: string,
  { file, ...references }: References & { file: string },
): Promise<SourcePlanned[]> {
  const fail = (what: string) => usageError(`${file}: ${what}`, 'see docs/gateway.md for what it may say');
  if (Buffer.byteLength(text) > textMaxBytes) throw fail(`is larger than ${textMaxBytes} bytes`);
  const filled = await fillReferences(parsed(text, fail), references, fail);
  const whole = mapAt(filled, 'the file', fail);
  refuseOthers(whole, ['sources'], 'the file', fail);
  const sources = mapAt(whole.sources ?? {}, 'sources', fail);
  return Object.entries(sources).map(([uid, value]) => sourceOf(uid, value, fail));
}

function parsed(text: string, fail: Fail): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw fail(`line ${line}, column ${col} is not YAML (${error.code.toLowerCase().replaceAll('_', ' ')})`);
  }
  try {
    return document.toJS();
  } catch {
    // Too many aliases, or one of something that is not there.
    throw fail('has aliases that cannot be followed');
  }
}

function mapAt(value: unknown, place: string, fail: Fail): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw fail(`${place} must be a map`);
}

function refuseOthers(map: Fields, names: readonly string[], place: string, fail: Fail): void {
  const unknown = Object.keys(map).find((name) => !names.includes(name));
  if (unknown !== undefined) throw fail(`${place} must not have ${unknown}; it may have ${names.join(', ')}`);
}

function refuse(map: Fields, name: string, { place, fix }: { place: string; fix: string }, fail: Fail): void {
  if (map[name] !== undefined) throw fail(`${place} must not have ${name}: ${fix}`);
}

function checkName(name: string, place: string, fail: Fail): void {
  if (namePattern.test(name)) return;
  throw fail(`${place} ${name} must be called by letters, digits, hyphens, underscores and full stops`);
}

const uidFix = 'its key is its uid';

function sourceOf(uid: string, value: unknown, fail: Fail): SourcePlanned {
  const place = `source ${uid}`;
  checkName(uid, 'the source', fail);
  const { secret, secrets, settings, endpoints = {}, ...fields } = mapAt(value, place, fail);
  refuse(fields, 'uid', { place, fix: uidFix }, fail);
  refuse(fields, 'config', { place, fix: 'secrets and settings stand beside the other fields' }, fail);
  if (typeof fields.type !== 'string') throw fail(`${place} must have a type, such as github`);
  return {
    uid,
    fields: { name: uid, ...fields },
    secrets: secretsOf({ secret, secrets }, place, fail),
    settings: settings === undefined ? undefined : textsAt(settings, `${place}, settings`, fail),
    endpoints: Object.entries(mapAt(endpoints, `${place}, endpoints`, fail)).map(([name, endpoint]) =>
      endpointOf(name, endpoint, `${place}, endpoint ${name}`, fail),
    ),
  };
}

function secretsOf(
  { secret, secrets }: { secret: unknown; secrets: unknown },
  place: string,
  fail: Fail,
): string[] | undefined {
  if (secret === undefined && secrets === undefined) return undefined;
  const all: unknown[] = [secret ?? [], secrets ?? []].flat();
  if (all.every((one): one is string => typeof one === 'string' && one !== '')) return [...new Set(all)];
  throw fail(`${place}: secret must be a text, and secrets a list of texts`);
}

function textsAt(value: unknown, place: string, fail: Fail): Record<string, string> {
  const entries = Object.entries(mapAt(value, place, fail));
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
    throw fail(`${place} must be a map of texts`);
  }
  return Object.fromEntries(entries);
}

function endpointOf(uid: string, value: unknown, place: string, fail: Fail): EndpointPlanned {
  checkName(uid, place, fail);
  const { secret, headers, transformation, ...fields } = mapAt(value, place, fail);
  refuse(fields, 'uid', { place, fix: uidFix }, fail);
  // Of another kind, where it goes is part of its config.
  if (fields.kind === undefined && typeof fields.url !== 'string') throw fail(`${place} must have a url`);
  if (secret !== undefined && typeof secret !== 'string') throw fail(`${place}: secret must be a text`);
  return {
    uid,
    fields,
    secret,
    headers: headers === undefined ? undefined : textsAt(headers, `${place}, headers`, fail),
    transformation:
      transformation === undefined
        ? undefined
        : { enabled: true, ...mapAt(transformation, `${place}, transformation`, fail) },
  };
}
