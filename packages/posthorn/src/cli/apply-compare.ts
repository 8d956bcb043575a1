// What is not yet as posthorn.yaml says. What the API never shows is known by a fingerprint that the last apply left in
// the metadata: slow to guess from, with a salt, and gone with what it is of.
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { isDeepStrictEqual, promisify } from 'node:util';
import type { Fields } from './apply-document.ts';

const derive = promisify<string, Buffer, number, Buffer>(scrypt);
const saltBytes = 16;
const hashBytes = 24;
const fingerprintPrefix = 'posthorn.apply.';

export interface Difference {
  /** The names of what is shown and differs, and of what is not shown and is not known to be the same. */
  changes: string[];
  /** What to send so that the fields differ no longer; empty when none does. */
  fields: Fields;
  /** Those of the given hidden ones that differ. */
  hidden: Fields;
}

/** `hidden` are fields that are never shown whole. `current` is undefined for what is to be made. */
export async function differenceOf(
  { fields, hidden }: { fields: Fields; hidden: Fields },
  current: Fields | undefined,
): Promise<Difference> {
  const { metadata, ...others } = fields;
  const known = current ? mapOf(current.metadata) : {};
  const own = Object.fromEntries(
    Object.entries(known).filter(([name]) => !name.startsWith(fingerprintPrefix)),
  );
  const otherMetadata = metadata !== undefined && !isDeepStrictEqual(metadata, own);
  const shown = Object.entries(others).filter(
    ([name, value]) => !current || !isSame(name, value, current[name]),
  );
  const differing: Record<string, unknown> = {};
  const fingerprints: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(hidden)) {
    const key = fingerprintPrefix + name;
    const isKnown = current && agrees(value, current[name]) && (await isOf(known[key], value));
    if (!isKnown) differing[name] = value;
    fingerprints[key] = isKnown ? known[key] : await fingerprintOf(value);
  }
  const changes = [
    ...shown.map(([name]) => name),
    ...(otherMetadata ? ['metadata'] : []),
    ...Object.keys(differing),
  ];
  const whole = { ...(metadata === undefined ? own : mapOf(metadata)), ...fingerprints };
  const isRewritten = otherMetadata || Object.keys(differing).length > 0;
  return {
    changes,
    fields: { ...Object.fromEntries(shown), ...(isRewritten ? { metadata: whole } : {}) },
    hidden: differing,
  };
}

/** The fields that are not what the file says. */
export function changedFields(wanted: Fields, current: Fields): Fields {
  return Object.fromEntries(
    Object.entries(wanted).filter(([name, value]) => !isSame(name, value, current[name])),
  );
}

/** Of a map, what the file does not name is left alone. */
function isSame(name: string, wanted: unknown, current: unknown): boolean {
  if (isMap(wanted) && isMap(current)) {
    return Object.entries(wanted).every(([key, value]) => isSame(key, value, current[key]));
  }
  if (name === 'url' && typeof wanted === 'string' && typeof current === 'string') {
    return normalUrl(wanted) === normalUrl(current);
  }
  return isDeepStrictEqual(wanted ?? null, current ?? null);
}

const normalUrl = (text: string) => (URL.canParse(text) ? new URL(text).href : text);

/** Whether what is shown of it can be this one: a part may be left out, or all. */
function agrees(wanted: unknown, shown: unknown): boolean {
  if (shown === undefined) return true;
  if (!isMap(wanted) || !isMap(shown)) return isDeepStrictEqual(wanted ?? null, shown ?? null);
  return Object.entries(wanted).every(
    ([name, value]) => !(name in shown) || isSame(name, value, shown[name]),
  );
}

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const mapOf = (value: unknown): Fields => (isMap(value) ? value : {});

async function fingerprintOf(value: unknown): Promise<string> {
  const salt = randomBytes(saltBytes);
  return `${salt.toString('base64url')}.${(await hashOf(value, salt)).toString('base64url')}`;
}

async function isOf(fingerprint: unknown, value: unknown): Promise<boolean> {
  if (typeof fingerprint !== 'string') return false;
  const [salt = '', hash = ''] = fingerprint.split('.').map((part) => Buffer.from(part, 'base64url'));
  if (hash.length !== hashBytes || salt.length !== saltBytes) return false;
  return timingSafeEqual(Buffer.from(hash), await hashOf(value, Buffer.from(salt)));
}

const hashOf = (value: unknown, salt: Buffer) => derive(JSON.stringify(sorted(value)), salt, hashBytes);

/** Whatever order the file has its maps in. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  );
}
