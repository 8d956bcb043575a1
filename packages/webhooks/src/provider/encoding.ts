// Text to bytes and back, strictly: hex, base64 and base64url, one text per byte string (hex in either case).
import { decodeBase64, encodeBase64, padBase64 } from '../base64.ts';
import type { TextEncodingName } from './provider.ts';

type Bytes = Uint8Array<ArrayBuffer>;
const hexPairs = /^(?:[0-9a-fA-F]{2})*$/;
const base64urlOnly = /^[A-Za-z0-9_-]*$/;

export function decodeHex(text: string): Bytes | undefined {
  if (!hexPairs.test(text)) return undefined;
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function encodeHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function decodeText(text: string, encoding: TextEncodingName): Bytes | undefined {
  if (encoding === 'hex') return decodeHex(text);
  if (encoding === 'base64') return decodeBase64(text);
  const bare = text.replace(/={1,2}$/, '');
  return base64urlOnly.test(bare)
    ? decodeBase64(padBase64(bare.replaceAll('-', '+').replaceAll('_', '/')))
    : undefined;
}

/** base64url without padding. */
export function encodeText(bytes: Uint8Array, encoding: TextEncodingName): string {
  if (encoding === 'hex') return encodeHex(bytes);
  const base64 = encodeBase64(bytes);
  if (encoding === 'base64') return base64;
  return base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
