// The keys and algorithms of RFC 9421 section 3.3 that are supported, by Web Crypto.
import { hmacOf } from '../hashing.ts';
import { importSigningKey, importVerificationKey } from '../provider/keys.ts';
import type { ProviderKey } from '../provider/keys.ts';
import { sameBytes } from '../same-bytes.ts';

export type MessageAlgorithm = 'ed25519' | 'hmac-sha256' | 'ecdsa-p256-sha256';
/** The algorithm belongs to the key: what a message says of it decides nothing. */
export type MessageKey = { readonly algorithm: MessageAlgorithm; readonly key: ProviderKey };

type Bytes = Uint8Array<ArrayBuffer>;
const asymmetric = {
  ed25519: { name: 'Ed25519' },
  'ecdsa-p256-sha256': { name: 'ECDSA', hash: 'SHA-256' },
} as const;

/**
 * A key from its text: base64 for HMAC; otherwise PKCS #8 to sign and SubjectPublicKeyInfo to verify, in PEM or base64.
 * Rejects with an error that names the fix and not the key.
 */
export async function importMessageKey(
  algorithm: MessageAlgorithm,
  use: 'sign' | 'verify',
  text: string,
): Promise<MessageKey> {
  if (algorithm === 'hmac-sha256')
    return { algorithm, key: await importVerificationKey(algorithm, 'base64', text) };
  const importing =
    use === 'sign' ? importSigningKey(algorithm, text) : importVerificationKey(algorithm, 'spki', text);
  return { algorithm, key: await importing };
}

export async function signBytes({ algorithm, key }: MessageKey, content: Bytes): Promise<Bytes> {
  if (algorithm === 'hmac-sha256') return hmacOf(key, content);
  return new Uint8Array(await crypto.subtle.sign(asymmetric[algorithm], key, content));
}

export async function verifyBytes(
  messageKey: MessageKey,
  signature: Bytes,
  content: Bytes,
): Promise<boolean> {
  const { algorithm, key } = messageKey;
  if (algorithm === 'hmac-sha256') return sameBytes(signature, await signBytes(messageKey, content));
  return crypto.subtle.verify(asymmetric[algorithm], key, signature, content);
}
