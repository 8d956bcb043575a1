// A body that came compressed: opened for its events after it was verified, since what is signed are the bytes as they came.
import { readStream } from './incoming.ts';
import { reject } from './rejection.ts';
import type { Rejection } from './rejection.ts';

type Bytes = Uint8Array<ArrayBuffer>;
type Compression = { readonly format: 'gzip' | 'deflate'; readonly firstByte: number };

const compressions: ReadonlyMap<string, Compression> = new Map([
  ['gzip', { format: 'gzip', firstByte: 0x1f }],
  ['x-gzip', { format: 'gzip', firstByte: 0x1f }],
  ['deflate', { format: 'deflate', firstByte: 0x78 }],
]);

/** `encoding` is the request's `content-encoding`; what comes out is held to `bodyMaxBytes` too. */
export async function plainBody(
  body: Bytes,
  encoding: string | null,
  bodyMaxBytes: number,
): Promise<Bytes | Rejection> {
  const name = (encoding ?? '').trim().toLowerCase();
  if (name === '' || name === 'identity' || body.length === 0) return body;
  const compression = compressions.get(name);
  if (compression === undefined || typeof DecompressionStream === 'undefined') {
    return reject('unreadable-body', 'the body is compressed in a way that is not known here');
  }
  // A proxy or parser that has opened it may leave the header.
  if (body[0] !== compression.firstByte) return body;
  const tooLarge = reject('too-large', `the body is larger than ${bodyMaxBytes} bytes when it is opened`);
  return (await readStream(opened(body, compression), bodyMaxBytes)) ?? tooLarge;
}

function opened(body: Bytes, { format }: Compression): ReadableStream<Uint8Array> {
  const { readable, writable } = new DecompressionStream(format);
  const writer = writable.getWriter();
  // What is wrong with the bytes is also what the reader is told.
  writer
    .write(body)
    .then(() => writer.close())
    .catch(() => {});
  return readable;
}
