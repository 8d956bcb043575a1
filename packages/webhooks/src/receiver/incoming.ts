// What the receiver takes: a Fetch `Request`, or what an adapter made of another framework's request.
import { bodyBytes } from '../signed-content.ts';
import { reject } from './rejection.ts';
import type { Rejection } from './rejection.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** The part of a `ReadableStream` that is used, so that adapters need not make a whole one. */
export type BodyStream = {
  getReader(): {
    read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
    cancel(reason?: unknown): Promise<void>;
  };
};

/** A Fetch `Request` is one. */
export type IncomingRequest = {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  /** Bytes, or text that was decoded from UTF-8; anything else was parsed, and is refused as `body-parsed`. */
  readonly body: BodyStream | Uint8Array | string | null | undefined;
  readonly bodyUsed?: boolean;
  /** How this framework is made to leave the body alone; said when the body was parsed. */
  readonly bodyFix?: string;
};

/** What the platform offers beside the request. Workers' `env`, for instance, is only known while a request is there. */
export type Platform<Env = unknown> = {
  /** Keeps the process alive until the work has ended; without it, work goes on in the process that answers. */
  readonly waitUntil?: (work: Promise<unknown>) => void;
  readonly env?: Env;
};

/** What adapters put behind a framework: a receiver, or one of its sources. */
export type FetchHandler<Env = unknown> = {
  fetch(request: IncomingRequest, platform?: Platform<Env>): Promise<Response>;
};

const usualFix = 'hand over the request before anything reads or parses its body';
// A body without a length is not allocated ahead of what comes.
const lengthDigits = /^[0-9]{1,15}$/;

/** The whole body, read no further than `bodyMaxBytes`. */
export async function readBody(request: IncomingRequest, bodyMaxBytes: number): Promise<Bytes | Rejection> {
  const { body, bodyUsed = false, bodyFix = usualFix } = request;
  const parsed = reject('body-parsed', `the body was read or parsed before: ${bodyFix}`);
  const tooLarge = reject('too-large', `the body is larger than ${bodyMaxBytes} bytes`);
  // Without a limit that is one, every body would seem to break off.
  if (!Number.isSafeInteger(bodyMaxBytes) || bodyMaxBytes < 0)
    return reject('misconfigured', 'bodyMaxBytes must be a whole number of bytes');
  if (bodyUsed) return parsed;
  const stated = request.headers.get('content-length') ?? '';
  if (lengthDigits.test(stated) && Number(stated) > bodyMaxBytes) return tooLarge;
  if (body === null || body === undefined) return new Uint8Array();
  if (typeof body === 'object' && 'getReader' in body) {
    return (await readStream(body, bodyMaxBytes)) ?? tooLarge;
  }
  const bytes = bodyBytes(body);
  if (bytes === undefined) return parsed;
  return bytes.length > bodyMaxBytes ? tooLarge : (bytes as Bytes);
}

/** Undefined when there is more than `bodyMaxBytes`. */
export async function readStream(
  stream: BodyStream,
  bodyMaxBytes: number,
): Promise<Bytes | Rejection | undefined> {
  // Not a list of chunks: a stranger who sends bytes one by one would have us keep a hundred for each.
  let whole = new Uint8Array();
  let lengthBytes = 0;
  try {
    const reader = stream.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const chunk = read.value ?? new Uint8Array();
      if (lengthBytes + chunk.length > bodyMaxBytes) {
        await reader.cancel();
        return undefined;
      }
      whole = withRoom(whole, { lengthBytes, moreBytes: chunk.length, bodyMaxBytes });
      whole.set(chunk, lengthBytes);
      lengthBytes += chunk.length;
    }
  } catch {
    return reject('unreadable-body', 'the body broke off before its end');
  }
  return lengthBytes === whole.length ? whole : whole.slice(0, lengthBytes);
}

/** The first chunk is often the only one; from the second on, there is room for as much again. */
function withRoom(
  bytes: Bytes,
  { lengthBytes, moreBytes, bodyMaxBytes }: { lengthBytes: number; moreBytes: number; bodyMaxBytes: number },
): Bytes {
  const wantedBytes = lengthBytes + moreBytes;
  if (wantedBytes <= bytes.length) return bytes;
  const grown = new Uint8Array(Math.max(wantedBytes, Math.min(2 * lengthBytes, bodyMaxBytes)));
  grown.set(bytes);
  return grown;
}
