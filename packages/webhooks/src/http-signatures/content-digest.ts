// Content-Digest (RFC 9530): hashes of the content, with the two algorithms that are fit to protect it.
import { digestOf } from '../hashing.ts';
import { bodyBytes } from '../signed-content.ts';
import { sameBytes } from '../same-bytes.ts';
import { refuse } from '../verdict.ts';
import type { Refusal } from '../verdict.ts';
import { parseDictionary, serializeDictionary } from './structured-fields.ts';

export type DigestAlgorithm = 'sha-256' | 'sha-512';
const hashNames = { 'sha-256': 'SHA-256', 'sha-512': 'SHA-512' } as const;

export type MessageBody = Uint8Array | ArrayBuffer | string;

/** The value of a Content-Digest header. Throws `TypeError` when the body is no bytes and no text. */
export async function contentDigest(
  body: MessageBody,
  algorithm: DigestAlgorithm = 'sha-256',
): Promise<string> {
  const item = { type: 'bytes', value: await digestOfBody(body, algorithm) } as const;
  return serializeDictionary(new Map([[algorithm, { item, parameters: new Map() }]]));
}

/** Undefined when every digest of a known algorithm fits, and there is one. */
export async function judgeContentDigest(header: string, body: MessageBody): Promise<Refusal | undefined> {
  const digests = parseDictionary(header);
  if (digests === undefined) return refuse('malformed-header', 'content-digest is no structured dictionary');
  let known = 0;
  for (const algorithm of ['sha-256', 'sha-512'] as const) {
    const member = digests.get(algorithm);
    if (member === undefined) continue;
    if (!('item' in member) || member.item.type !== 'bytes')
      return refuse('malformed-header', `content-digest holds no bytes for ${algorithm}`);
    known += 1;
    if (!sameBytes(member.item.value, await digestOfBody(body, algorithm)))
      return refuse('mismatch', 'the body does not fit content-digest');
  }
  if (known > 0) return undefined;
  return refuse('malformed-header', 'content-digest holds neither sha-256 nor sha-512');
}

async function digestOfBody(body: MessageBody, algorithm: DigestAlgorithm): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = bodyBytes(body);
  if (bytes === undefined) throw new TypeError('the body must be bytes or text');
  const content = bytes as Uint8Array<ArrayBuffer>;
  return digestOf(hashNames[algorithm], content);
}
