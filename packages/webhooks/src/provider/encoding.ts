// Text to bytes and back, strictly: hex, base64 and base64url, one text per byte string (hex in either case).
import { decodeBase64, encodeBase64, padBase64 } from '../base64.ts';
import type { TextEncodingName } from './provider.ts';

type Bytes = Uint8Array<ArrayBuffer>;
const base64urlOnly = /^[A-Za-z0-9_-]*$/;
/** By the code of a character: its four bits, or -1. */
const hexByCode = Int8Array.from({ length: 128 }, (_, code) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase()),
);

export function decodeHex(text: string): Bytes | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    const high = hexByCode[text.charCodeAt(2 * index)] ?? -1;
    const low = hexByCode[text.charCodeAt(2 * index + 1)] ?? -1;
    if (high < 0 || low < 0) return undefined;
    bytes[index] = (high << 4) | low;
  }
  return bytes;
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
