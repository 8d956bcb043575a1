// The header idempotency-key: what a caller may send as one.
import type { IncomingHttpHeaders } from 'node:http';
import { invalid } from './problems.ts';

// A quoted string as in structured headers, or the bare characters.
const quotedKey = /^"((?:[^"\\]|\\["\\])*)"$/;
const keyPattern = /^[\x20-\x7e]{1,256}$/;

/** The key that the caller sent, without its quotes. Throws 422 when it is not usable. */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const header = headers['idempotency-key'];
  if (header === undefined) return undefined;
  const text = String(header).trim();
  const quoted = quotedKey.exec(text)?.[1];
  const key = quoted === undefined ? text : quoted.replaceAll(/\\(.)/g, '$1');
  if (keyPattern.test(key)) return key;
  const msg = 'must be 1 to 256 printable ASCII characters';
  throw invalid([{ loc: ['header', 'idempotency-key'], msg, type: 'value_error' }]);
}
