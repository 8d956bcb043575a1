// From a secret's text to a key of Web Crypto. A secret that cannot be a key is the operator's mistake, said by name.
import { padBase64 } from '../base64.ts';
import { digestOf, rememberHmac } from '../hashing.ts';
import type { HashName } from '../hashing.ts';
import { parseSecret, SecretError } from '../secret.ts';
import { decodeHex, decodeText } from './encoding.ts';
import type { HmacAlgorithm, KeyForm, PublicKeyAlgorithm, SignatureAlgorithm } from './provider.ts';

type Bytes = Uint8Array<ArrayBuffer>;
// The global name `CryptoKey` is missing from some runtimes' type definitions; the value's type is not.
export type ProviderKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** The message names the fix and never holds the secret. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

const encoder = new TextEncoder();
const secretMaxChars = 16_384;
const pemBlock = /^-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/;

const hmacHash: Record<HmacAlgorithm, HashName> = {
  'hmac-sha1': 'SHA-1',
  'hmac-sha256': 'SHA-256',
  'hmac-sha384': 'SHA-384',
  'hmac-sha512': 'SHA-512',
};

type KeyAlgorithm = { readonly name: string; readonly hash?: string; readonly namedCurve?: string };
const publicKeyAlgorithm: Record<PublicKeyAlgorithm, KeyAlgorithm> = {
  ed25519: { name: 'Ed25519' },
  'ecdsa-p256-sha256': { name: 'ECDSA', namedCurve: 'P-256' },
  'rsa-sha1': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-1' },
  'rsa-sha256': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
};

export function isHmac(algorithm: SignatureAlgorithm): algorithm is HmacAlgorithm {
  return algorithm in hmacHash;
}

/** Rejects with `KeyError` when the secret cannot be such a key. */
export async function importVerificationKey(
  algorithm: HmacAlgorithm | PublicKeyAlgorithm,
  form: KeyForm,
  secret: string,
): Promise<ProviderKey> {
  const bytes = await keyBytes(form, secret);
  if (isHmac(algorithm)) {
    const hash = hmacHash[algorithm];
    const key = await imported('raw', bytes, { name: 'HMAC', hash }, ['sign', 'verify']);
    rememberHmac(key, hash, bytes);
    return key;
  }
  return imported(form === 'spki' ? 'spki' : 'raw', bytes, publicKeyAlgorithm[algorithm], ['verify']);
}

/** A private key in PKCS #8 (PEM body or base64 DER) or as `whsk_`, for tests and local replay. */
export async function importSigningKey(algorithm: PublicKeyAlgorithm, secret: string): Promise<ProviderKey> {
  if (secret.startsWith('whsk_')) return standardSigningKey(secret);
  const bytes = decodeText(padBase64(secret.replace(/-----[A-Z ]+-----/g, '').replace(/\s+/g, '')), 'base64');
  if (bytes === undefined) throw new KeyError('sign with the private key: PKCS #8, PEM or base64');
  return imported('pkcs8', bytes, publicKeyAlgorithm[algorithm], ['sign']);
}

async function standardSigningKey(secret: string): Promise<ProviderKey> {
  try {
    return (await parseSecret(secret)).key;
  } catch (error) {
    throw error instanceof SecretError ? new KeyError(error.message) : error;
  }
}

/** The bytes that a secret stands for. Rejects with `KeyError` when it is not written in that form. */
export async function keyBytes(form: KeyForm, secret: string): Promise<Bytes> {
  if (typeof secret !== 'string' || secret === '') throw new KeyError('the secret is empty: set it');
  if (secret.length > secretMaxChars) throw new KeyError('the secret is far too long: copy it again');
  if (form === 'text') return Uint8Array.from(encoder.encode(secret));
  if (form === 'nfkd-text') return Uint8Array.from(encoder.encode(secret.normalize('NFKD')));
  if (form === 'sha1') return digestOf('SHA-1', Uint8Array.from(encoder.encode(secret)));
  if (form === 'hex' || form === 'raw-hex') return decodedOr(decodeHex(secret), 'hexadecimal');
  if (form === 'spki') return decodedOr(spkiBytes(secret), 'a public key: PEM, or base64 of its DER form');
  const prefixes = typeof form === 'object' ? [form.base64After].flat() : [];
  const prefix = prefixes.find((each) => secret.startsWith(each)) ?? '';
  const encoded = secret.slice(prefix.length);
  return decodedOr(encoded === '' ? undefined : decodeText(padBase64(encoded), 'base64'), 'base64');
}

function spkiBytes(secret: string): Bytes | undefined {
  const body = pemBlock.exec(secret.trim())?.[1] ?? secret;
  return decodeText(padBase64(body.replace(/\s+/g, '')), 'base64');
}

function decodedOr(bytes: Bytes | undefined, wanted: string): Bytes {
  if (bytes !== undefined && bytes.length > 0) return bytes;
  throw new KeyError(`the secret must be ${wanted}: copy it again, without blanks`);
}

async function imported(
  format: 'raw' | 'spki' | 'pkcs8',
  bytes: Bytes,
  algorithm: KeyAlgorithm,
  usages: readonly ('sign' | 'verify')[],
): Promise<ProviderKey> {
  if (globalThis.crypto?.subtle === undefined) {
    throw new KeyError('Web Crypto is missing here: browsers offer it on HTTPS only');
  }
  try {
    return await crypto.subtle.importKey(format, bytes, algorithm, false, [...usages]);
  } catch {
    throw new KeyError(`the secret is no ${algorithm.name} key that this runtime takes: copy it again`);
  }
}
