// The commonest scheme: a signature over content made from the request, with the source's secrets.
import { digestOf, hmacOf } from '../hashing.ts';
import { refuse } from '../verdict.ts';
import type { Refusal } from '../verdict.ts';
import { contentsOf, MissingContent } from './content.ts';
import { KeyUnavailable } from './fetch-key-text.ts';
import { judgeAge, readInstant } from './instant.ts';
import { importVerificationKey, isHmac, KeyError } from './keys.ts';
import type { ProviderKey } from './keys.ts';
import type { Location } from './location.ts';
import type { Field, SchemeContext, SignatureScheme } from './provider.ts';
import type { ProviderRequest } from './request.ts';
import { sameBytes } from '../same-bytes.ts';
import { forSecret } from './secret-kind.ts';
import { nameOf, readSignatures } from './signatures.ts';
import type { ProviderVerdict } from './provider-verdict.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Imported keys, by scheme and secret: importing costs as much as verifying. */
export type KeyCache = Map<SignatureScheme, KeysOfScheme>;

type Given = {
  readonly secrets: readonly string[];
  readonly keys: KeyCache;
  readonly context: SchemeContext;
};

type KeysOfScheme = Map<string, Promise<ProviderKey>>;
type GivenSecret = {
  readonly secret: string;
  readonly secretIndex: number;
  readonly keys: KeysOfScheme;
  readonly context: SchemeContext;
};

type Signed = {
  readonly signatures: readonly Bytes[];
  readonly timestamp: { readonly text: string; readonly seconds: number } | undefined;
  readonly id: string | undefined;
  readonly valueOf: (place: Location) => string | undefined;
};

// Verifying with a public key costs far more than comparing a MAC.
const publicKeySignaturesMax = 8;
// A source has a handful of secrets; keys that are published change now and then.
const keysMax = 64;

export async function verifySignature(
  scheme: SignatureScheme,
  request: ProviderRequest,
  given: Given,
): Promise<ProviderVerdict> {
  const secrets = scheme.keys === undefined ? given.secrets : await publishedKeys(scheme, request, given);
  if ('ok' in secrets) return secrets;
  const keys = keysOf(given.keys, scheme);
  let refusal: Refusal | undefined;
  for (const [secretIndex, secret] of secrets.entries()) {
    const verdict = await verifyWith(scheme, request, { secret, secretIndex, keys, context: given.context });
    if (verdict.ok || isAuthentic(verdict)) return verdict;
    // A secret that is written wrong, or is of another kind, does not speak for the others.
    if (refusal === undefined || tells(verdict) > tells(refusal)) refusal = verdict;
  }
  return refusal ?? mismatch();
}

/** Read only for a request that has a signature. */
async function publishedKeys(
  scheme: SignatureScheme,
  request: ProviderRequest,
  { context }: Given,
): Promise<readonly string[] | Refusal> {
  const signed = readSigned(scheme, request);
  if ('ok' in signed) return signed;
  try {
    return (await scheme.keys?.(request, context)) ?? [];
  } catch (error) {
    return refusalFor(error);
  }
}

function mismatch(): Refusal {
  return refuse('mismatch', 'no signature matches these bytes with any secret');
}

/** Only its age is wrong: no other secret need be asked. */
function isAuthentic({ reason }: Refusal): boolean {
  return reason === 'stale' || reason === 'future';
}

/** How much a refusal says, beside those of other secrets: most, that a signature was compared. */
function tells({ reason }: Refusal): number {
  if (reason === 'mismatch') return 2;
  return reason === 'misconfigured' ? 1 : 0;
}

async function verifyWith(
  scheme: SignatureScheme,
  request: ProviderRequest,
  { secret, secretIndex, keys, context }: GivenSecret,
): Promise<ProviderVerdict> {
  try {
    const own = forSecret(scheme, secret, 'verify');
    const signed = readSigned(own, request);
    if ('ok' in signed) return signed;
    // A plain hash can be carried on without the secret, but only behind bytes that are no text.
    if (own.algorithm === 'sha256' && request.text() === undefined) return mismatch();
    const { signatures, timestamp, id, valueOf } = signed;
    const values = { secret, timestamp: timestamp?.text, id, valueOf, settings: context.settings };
    const made = contentsOf(own, request, values);
    const contents = 'then' in made ? await made : made;
    const key = await keyFor(own, secret, keys);
    for (const content of contents) {
      if (await matches(own, content, { signatures, key }))
        return accepted(own, signed, { secretIndex, context });
    }
    return mismatch();
  } catch (error) {
    return refusalFor(error);
  }
}

function readSigned(scheme: SignatureScheme, request: ProviderRequest): Signed | Refusal {
  const read = readSignatures(request, scheme.signature);
  if (!read.ok) return read;
  const valueOf = (place: Location) =>
    place.startsWith('pair:') ? read.pairs.get(place.slice('pair:'.length)) : request.value(place);
  const id = scheme.id === undefined ? undefined : valueOf(scheme.id);
  if (scheme.id !== undefined && !id) return refuse('missing-header', `${nameOf(scheme.id)} is missing`);
  // A body that stands before it may have left its end to it.
  if (typeof scheme.content === 'string' && scheme.content.includes('{body}.{id}') && id?.includes('.'))
    return refuse('malformed-header', `${nameOf(scheme.id ?? '')} holds a full stop`);
  const { signatures } = read;
  if (scheme.timestamp === undefined) return { signatures, timestamp: undefined, id, valueOf };
  const { at, unit } = scheme.timestamp;
  const text = firstOf(at, valueOf);
  if (text === undefined || text === '') return refuse('missing-header', 'the timestamp is missing');
  const seconds = readInstant(text, unit);
  if (seconds === undefined || isCutShort(scheme, text))
    return refuse('malformed-header', `the timestamp is not in ${unit}`);
  return { signatures, timestamp: { text, seconds }, id, valueOf };
}

/** Where the body follows at once, a time without its offset may have left that, and more, to the body. */
function isCutShort({ content, timestamp }: SignatureScheme, text: string): boolean {
  const isOpen = timestamp?.unit === 'rfc3339' && typeof content === 'string';
  return isOpen && content.includes('{timestamp}{') && !/(?:[Zz]|[+-]\d\d:?\d\d)$/.test(text);
}

function firstOf(field: Field, valueOf: (place: Location) => string | undefined): string | undefined {
  if (typeof field === 'string') return valueOf(field);
  const parts = 'first' in field ? field.first : field.all;
  return parts.map((part) => firstOf(part, valueOf)).find((value) => value !== undefined);
}

function keysOf(keys: KeyCache, scheme: SignatureScheme): KeysOfScheme {
  const known = keys.get(scheme);
  if (known !== undefined) return known;
  const none: KeysOfScheme = new Map();
  keys.set(scheme, none);
  return none;
}

/** A plain hash has none. */
function keyFor(
  { algorithm, key: form }: SignatureScheme,
  secret: string,
  keys: KeysOfScheme,
): Promise<ProviderKey> | undefined {
  const known = keys.get(secret);
  if (known !== undefined || algorithm === 'sha256') return known;
  const importing = importVerificationKey(algorithm, form, secret);
  if (keys.size >= keysMax) keys.clear();
  keys.set(secret, importing);
  return importing;
}

async function matches(
  { algorithm }: SignatureScheme,
  content: Bytes,
  { signatures, key }: { readonly signatures: readonly Bytes[]; readonly key: ProviderKey | undefined },
): Promise<boolean> {
  if (key === undefined || isHmac(algorithm)) {
    const expected = await (key === undefined ? digestOf('SHA-256', content) : hmacOf(key, content));
    return signatures.some((signature) => sameBytes(signature, expected));
  }
  for (const signature of signatures.slice(0, publicKeySignaturesMax)) {
    const bytes = algorithm === 'ecdsa-p256-sha256' ? rawEcdsa(signature) : signature;
    if (bytes && (await crypto.subtle.verify(verifyAlgorithm(algorithm), key, bytes, content))) return true;
  }
  return false;
}

function verifyAlgorithm(algorithm: SignatureScheme['algorithm']): { name: string; hash?: string } {
  if (algorithm === 'ed25519') return { name: 'Ed25519' };
  return algorithm === 'ecdsa-p256-sha256'
    ? { name: 'ECDSA', hash: 'SHA-256' }
    : { name: 'RSASSA-PKCS1-v1_5' };
}

function accepted(
  scheme: SignatureScheme,
  { timestamp, id }: Signed,
  { secretIndex, context }: { secretIndex: number; context: SchemeContext },
): ProviderVerdict {
  const match = { ok: true as const, secretIndex, ...(id === undefined ? {} : { id }) };
  if (timestamp === undefined || scheme.timestamp === undefined) return match;
  const tolerance = context.toleranceSeconds ?? scheme.timestamp.toleranceSeconds;
  const wrongAge = judgeAge(timestamp.seconds, context.nowMs, tolerance);
  return wrongAge ?? { ...match, timestamp: Math.floor(timestamp.seconds) };
}

/** What an error of a row's own functions says to the caller. Rethrows what is a bug. */
export function refusalFor(error: unknown): Refusal {
  if (error instanceof KeyError) return refuse('misconfigured', error.message);
  if (error instanceof KeyUnavailable) return refuse('key-unavailable', error.message);
  if (!(error instanceof MissingContent)) throw error;
  const { part } = error;
  if (['url', 'path', 'method'].includes(part)) {
    const fix = `pass the ${part === 'method' ? 'method' : 'public url'} of the request`;
    return refuse('missing-context', `this provider signs the ${part}: ${fix}`);
  }
  return refuse('missing-header', `${part} is missing, and is part of what is signed`);
}

/** ASN.1 DER, as OpenSSL writes an ECDSA signature, to the two 32-byte numbers that Web Crypto takes. */
function rawEcdsa(der: Bytes): Bytes | undefined {
  const [tag, length, ...rest] = der;
  if (tag !== 0x30 || length !== rest.length) return undefined;
  const first = derInteger(rest);
  const second = first && derInteger(first.rest);
  if (!first || !second || second.rest.length > 0) return undefined;
  return Uint8Array.from([...first.bytes, ...second.bytes]);
}

function derInteger(bytes: readonly number[]): { bytes: number[]; rest: number[] } | undefined {
  const [tag, length = 0] = bytes;
  if (tag !== 0x02 || length === 0 || length > 33 || bytes.length < 2 + length) return undefined;
  const digits = bytes.slice(2, 2 + length);
  if (digits.length === 33 && digits.shift() !== 0) return undefined;
  return { bytes: [...Array<number>(32 - digits.length).fill(0), ...digits], rest: bytes.slice(2 + length) };
}
