// JSON Web Tokens (RFC 7519), read and verified strictly. The row names the algorithms, never the token: a token that
// names another one, `none` included, is refused before a key is looked for.
import { hmacOf, rememberHmac } from '../hashing.ts';
import type { HashName } from '../hashing.ts';
import { sameBytes } from '../same-bytes.ts';
import { refuse } from '../verdict.ts';
import type { Refusal } from '../verdict.ts';
import { decodeText, encodeText } from './encoding.ts';
import { KeyError, keyBytes } from './keys.ts';
import type { ProviderKey } from './keys.ts';
import type { KeyForm } from './provider.ts';
import type { JsonWebKey } from './published-keys.ts';

export type SharedAlgorithm = 'HS256' | 'HS384' | 'HS512';
export type PublicAlgorithm = 'RS256' | 'RS384' | 'RS512' | 'ES256' | 'ES384' | 'ES512';
export type JwtAlgorithm = SharedAlgorithm | PublicAlgorithm;
export type Claims = Readonly<Record<string, unknown>>;
export type JwtHeader = { readonly algorithm: JwtAlgorithm; readonly keyId: string | undefined };
export type VerifiedJwt = { readonly ok: true; readonly claims: Claims };

type Bytes = Uint8Array<ArrayBuffer>;
type Recipe = { readonly name: string; readonly hash: HashName; readonly namedCurve?: string };
const recipes: Record<JwtAlgorithm, Recipe> = {
  HS256: { name: 'HMAC', hash: 'SHA-256' },
  HS384: { name: 'HMAC', hash: 'SHA-384' },
  HS512: { name: 'HMAC', hash: 'SHA-512' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  RS384: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' },
  RS512: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512' },
  ES256: { name: 'ECDSA', hash: 'SHA-256', namedCurve: 'P-256' },
  ES384: { name: 'ECDSA', hash: 'SHA-384', namedCurve: 'P-384' },
  ES512: { name: 'ECDSA', hash: 'SHA-512', namedCurve: 'P-521' },
};

const tokenMaxChars = 8_192;
const keyIdMaxChars = 256;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** What a row accepts, and where it finds the key; undefined for a key id that it does not know. */
export type ExpectedJwt = {
  readonly algorithms: readonly JwtAlgorithm[];
  readonly keyFor: (header: JwtHeader) => Promise<ProviderKey | undefined>;
  /** Default 8 KiB; more where the token is the body. */
  readonly maxChars?: number;
};

/** The claims of a token whose signature holds. What they say is still to be judged. */
export async function verifyJwt(
  token: string,
  { algorithms, keyFor, maxChars = tokenMaxChars }: ExpectedJwt,
): Promise<VerifiedJwt | Refusal> {
  const [head = '', body = '', tail = '', ...more] = token.length > maxChars ? [] : token.split('.', 4);
  const [header, claims] = [jsonObject(head), jsonObject(body)];
  const signature = decodeText(tail, 'base64url');
  if (header === undefined || claims === undefined || !signature?.length || more.length > 0)
    return refuse('malformed-header', 'the token is no signed JWT');
  const algorithm = algorithms.find((name) => name === header['alg']);
  // Extensions that must be understood are not (RFC 7515 section 4.1.11).
  if (algorithm === undefined || header['crit'] !== undefined)
    return refuse('malformed-header', `the token is not signed with ${algorithms.join(' or ')}`);
  const { kid } = header;
  const keyId = typeof kid === 'string' && kid.length <= keyIdMaxChars ? kid : undefined;
  const key = await keyFor({ algorithm, keyId });
  if (key === undefined) return refuse('unknown-key', 'the token is signed with a key that is not known');
  const content = Uint8Array.from(encoder.encode(`${head}.${body}`));
  const holds = await isSigned(recipes[algorithm], key, { signature, content });
  return holds ? { ok: true, claims } : refuse('mismatch', "the token's signature does not match");
}

async function isSigned(
  { name, hash }: Recipe,
  key: ProviderKey,
  { signature, content }: { readonly signature: Bytes; readonly content: Bytes },
): Promise<boolean> {
  if (name === 'HMAC') return sameBytes(signature, await hmacOf(key, content));
  return crypto.subtle.verify({ name, hash }, key, signature, content);
}

function jsonObject(part: string): Record<string, unknown> | undefined {
  const bytes = decodeText(part, 'base64url');
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Rejects with `KeyError` for a secret that is not written in that form. */
export async function sharedJwtKey(
  algorithm: JwtAlgorithm,
  form: KeyForm,
  secret: string,
): Promise<ProviderKey> {
  const { name, hash } = recipes[algorithm];
  const bytes = await keyBytes(form, secret);
  const key = await crypto.subtle.importKey('raw', bytes, { name, hash }, false, ['sign', 'verify']);
  rememberHmac(key, hash, bytes);
  return key;
}

/** A public key in PEM or base64. Rejects with `KeyError` when it is none, or one of another kind. */
export async function publicJwtKey(algorithm: JwtAlgorithm, secret: string): Promise<ProviderKey> {
  const bytes = await keyBytes('spki', secret);
  try {
    return await crypto.subtle.importKey('spki', bytes, recipes[algorithm], false, ['verify']);
  } catch {
    throw new KeyError(`the secret is no public key for ${algorithm}: copy it again`);
  }
}

/** A key of a set; undefined when it is made for something else. */
export async function jwkKey(algorithm: JwtAlgorithm, jwk: JsonWebKey): Promise<ProviderKey | undefined> {
  const { alg, use, kty, n, e, crv, x, y } = jwk;
  if ((alg !== undefined && alg !== algorithm) || (use !== undefined && use !== 'sig')) return undefined;
  const texts = Object.entries({ kty, n, e, crv, x, y }).filter(([, value]) => typeof value === 'string');
  try {
    const key = Object.fromEntries(texts);
    return await crypto.subtle.importKey('jwk', key, recipes[algorithm], false, ['verify']);
  } catch {
    return undefined;
  }
}

/** A token, for tests and local replay. `key` signs: a shared one, or a private one. */
export async function signJwt(header: JwtHeader, claims: Claims, key: ProviderKey): Promise<string> {
  const { algorithm, keyId } = header;
  const head = { alg: algorithm, typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) };
  const parts = [head, claims].map((part) => encodeText(encoder.encode(JSON.stringify(part)), 'base64url'));
  const content = encoder.encode(parts.join('.'));
  const { name, hash } = recipes[algorithm];
  const signature = await crypto.subtle.sign({ name, hash }, key, content);
  return [...parts, encodeText(new Uint8Array(signature), 'base64url')].join('.');
}

/** A private key in PKCS #8, to sign with. */
export async function privateJwtKey(algorithm: PublicAlgorithm, secret: string): Promise<ProviderKey> {
  const bytes = decodeText(secret.replace(/-----[A-Z ]+-----/g, '').replace(/\s+/g, ''), 'base64');
  if (bytes === undefined) throw new KeyError('sign with the private key: PKCS #8, PEM or base64');
  return crypto.subtle.importKey('pkcs8', bytes, recipes[algorithm], false, ['sign']);
}
