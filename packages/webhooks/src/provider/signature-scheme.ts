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
export type KeyCache = Map<string, Promise<ProviderKey>>;

type Given = {
  readonly secrets: readonly string[];
  readonly keys: KeyCache;
  readonly context: SchemeContext;
};

type GivenSecret = Given & { readonly secret: string; readonly secretIndex: number };

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
  const secrets = await secretsOf(scheme, request, given);
  if ('ok' in secrets) return secrets;
  let refusal: Refusal | undefined;
  for (const [secretIndex, secret] of secrets.entries()) {
    const verdict = await verifyWith(scheme, request, { ...given, secret, secretIndex });
    if (verdict.ok || isAuthentic(verdict)) return verdict;
    // A secret that is written wrong, or is of another kind, does not speak for the others.
    if (refusal === undefined || tells(verdict) > tells(refusal)) refusal = verdict;
  }
  return refusal ?? mismatch();
}

/** The source's, or the keys that the provider publishes: those are read only for a request that has a signature. */
async function secretsOf(
  scheme: SignatureScheme,
  request: ProviderRequest,
  given: Given,
): Promise<readonly string[] | Refusal> {
  if (scheme.keys === undefined) return given.secrets;
  const signed = readSigned(scheme, request);
  if ('ok' in signed) return signed;
  try {
    return await scheme.keys(request, given.context);
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
    const { signatures, timestamp, id, valueOf } = signed;
    const values = { secret, timestamp: timestamp?.text, id, valueOf, settings: context.settings };
    const contents = await contentsOf(own, request, values);
    const isSigned = await matchesAny(own, contents, { secret, signatures, keys });
    return isSigned ? accepted(own, signed, { secretIndex, context }) : mismatch();
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
  const { signatures } = read;
  if (scheme.timestamp === undefined) return { signatures, timestamp: undefined, id, valueOf };
  const { at, unit } = scheme.timestamp;
  const text = firstOf(at, valueOf);
  if (text === undefined || text === '') return refuse('missing-header', 'the timestamp is missing');
  const seconds = readInstant(text, unit);
  if (seconds === undefined) return refuse('malformed-header', `the timestamp is not in ${unit}`);
  return { signatures, timestamp: { text, seconds }, id, valueOf };
}

function firstOf(field: Field, valueOf: (place: Location) => string | undefined): string | undefined {
  if (typeof field === 'string') return valueOf(field);
  const parts = 'first' in field ? field.first : field.all;
  return parts.map((part) => firstOf(part, valueOf)).find((value) => value !== undefined);
}

type Tried = { readonly secret: string; readonly signatures: readonly Bytes[]; readonly keys: KeyCache };

async function matchesAny(
  scheme: SignatureScheme,
  contents: readonly Bytes[],
  tried: Tried,
): Promise<boolean> {
  for (const content of contents) {
    if (await matches(scheme, content, tried)) return true;
  }
  return false;
}

async function matches(
  scheme: SignatureScheme,
  content: Bytes,
  { secret, signatures, keys }: Tried,
): Promise<boolean> {
  const { algorithm, key: form } = scheme;
  if (algorithm === 'sha256') {
    const expected = await digestOf('SHA-256', content);
    return signatures.some((signature) => sameBytes(signature, expected));
  }
  const name = `${algorithm} ${JSON.stringify(form)} ${secret}`;
  const importing = keys.get(name) ?? importVerificationKey(algorithm, form, secret);
  if (keys.size > keysMax) keys.clear();
  keys.set(name, importing);
  const key = await importing;
  if (isHmac(algorithm)) {
    const expected = await hmacOf(key, content);
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
