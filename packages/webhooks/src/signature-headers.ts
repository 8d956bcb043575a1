// Reads id, timestamp and signatures from a request's headers. Everything here is bounded and runs before any MAC.
import { decodeBase64 } from './base64.ts';
import { refuse } from './verdict.ts';
import type { Refusal } from './verdict.ts';

type HeaderGetter = { get(name: string): string | null };

/** A Fetch `Headers`, or a record such as Node's `req.headers` and `req.headersDistinct`; names in any case. */
export type RequestHeaders = HeaderGetter | Readonly<Record<string, string | readonly string[] | undefined>>;

type SignatureVersion = 'v1' | 'v1a';
/** Only signatures of a known version with exactly that version's length are kept. */
export type Signature = { readonly version: SignatureVersion; readonly bytes: Uint8Array<ArrayBuffer> };

export type SignedHead = {
  readonly ok: true;
  readonly id: string;
  readonly timestamp: number;
  readonly signatures: readonly Signature[];
};

type Field = 'id' | 'timestamp' | 'signature';

const fields: readonly Field[] = ['id', 'timestamp', 'signature'];
const families = ['webhook-', 'svix-'];
const wantedNames = new Set(families.flatMap((family) => fields.map((field) => family + field)));
const idMaxChars = 256;
const signatureHeaderMaxChars = 4096;
const signaturesMax = 8;
const signatureBytes: Record<SignatureVersion, number> = { v1: 32, v1a: 64 };
// Visible ASCII without the comma, which is how Node and Fetch join a header that came twice.
const receivableId = /^[!-+\--~]+$/;
const unixSeconds = /^(?:0|[1-9][0-9]*)$/;

export function readSignedHead(headers: RequestHeaders, allowDottedId: boolean): SignedHead | Refusal {
  const found = pickFamily(headers);
  if ('ok' in found) return found;
  const { id, timestamp, signature } = found;

  if (id.length > idMaxChars) return malformed(`the id is longer than ${idMaxChars} characters`);
  if (!receivableId.test(id)) return malformed('the id holds a space, a comma or a character outside ASCII');
  if (id.includes('.') && !allowDottedId) {
    return malformed('the id holds a full stop; allowDottedId accepts a sender that does this');
  }
  if (!unixSeconds.test(timestamp) || !Number.isSafeInteger(Number(timestamp))) {
    return malformed('the timestamp is not Unix time in whole seconds, written in digits only');
  }
  const signatures = parseSignatures(signature);
  if ('ok' in signatures) return signatures;
  return { ok: true, id, timestamp: Number(timestamp), signatures };
}

/** The three values of one family. Families are never mixed: any `webhook-` header decides for that family. */
function pickFamily(headers: RequestHeaders | undefined | null): Record<Field, string> | Refusal {
  // Of callers without types: what is missing is said in the verdict.
  const values = collect(headers ?? {});
  const prefix = families.find((family) => fields.some((field) => values.has(family + field)));
  const picked: Record<Field, string> = { id: '', timestamp: '', signature: '' };
  for (const field of fields) {
    const name = (prefix ?? 'webhook-') + field;
    const [value, ...more] = values.get(name) ?? [];
    if (more.length > 0) return malformed(`${name} came more than once`);
    if (value === undefined || value === '') return refuse('missing-header', `${name} is missing`);
    if (typeof value !== 'string') return malformed(`${name} is not a text`);
    picked[field] = value;
  }
  return picked;
}

/** Every value of the headers that matter, by lower-case name; a name that came twice has two values. */
function collect(headers: RequestHeaders): Map<string, unknown[]> {
  const values = new Map<string, unknown[]>();
  for (const [name, value] of isGetter(headers) ? lookUp(headers) : Object.entries(headers)) {
    const key = name.toLowerCase();
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (!wantedNames.has(key) || list.length === 0 || value === undefined || value === null) continue;
    values.set(key, [...(values.get(key) ?? []), ...list]);
  }
  return values;
}

function isGetter(headers: RequestHeaders): headers is HeaderGetter {
  return typeof headers.get === 'function';
}

function lookUp(headers: HeaderGetter): [string, unknown][] {
  return Array.from(wantedNames, (name) => [name, headers.get(name)]);
}

function parseSignatures(header: string): Signature[] | Refusal {
  if (header.length > signatureHeaderMaxChars) {
    return malformed(`the signature header is longer than ${signatureHeaderMaxChars} characters`);
  }
  const items = header.split(' ');
  if (items.length > signaturesMax) return malformed(`there are more than ${signaturesMax} signatures`);
  const signatures: Signature[] = [];
  for (const item of items) {
    const [version = '', encoded, ...more] = item.split(',');
    // Two headers joined with a comma show up here, as an item with too many commas.
    if (version === '' || encoded === undefined || more.length > 0) {
      return malformed('the signature header is not a list of version,base64 parted by single spaces');
    }
    const bytes = isKnownVersion(version) ? decodeBase64(encoded) : undefined;
    if (isKnownVersion(version) && bytes?.length === signatureBytes[version])
      signatures.push({ version, bytes });
  }
  return signatures;
}

function isKnownVersion(version: string): version is SignatureVersion {
  return version === 'v1' || version === 'v1a';
}

function malformed(detail: string): Refusal {
  return refuse('malformed-header', detail);
}
