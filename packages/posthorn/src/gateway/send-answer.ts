// Writes an answer so that it arrives, also at a caller that still sends what nobody wants.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, plainHeaders } from './answer.ts';

const noContent = 204;
// Over bytes that nobody read, a connection is closed by a reset, which can take the answer with it (RFC 9112 section 9.6):
// for so long, and so many, they are read and forgotten.
const lingerMaxMs = 5_000;
const lingerMaxBytes = 32 * 1024 * 1024;

export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  /** No further request is to come on the connection. */
  isClosing: () => boolean;
}

/** Throws, before anything is written, when the answer cannot be one. */
export function sendAnswer({ request, response, isClosing }: Exchange, answer: Answer): void {
  const { status, headers = {}, body = '' } = answer;
  const isWhole = request.complete;
  const ending: Record<string, string> = isWhole && !isClosing() ? {} : { connection: 'close' };
  // RFC 9110 section 8.6: an answer without content says nothing of its length.
  const length = status === noContent ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...plainHeaders, ...headers, ...ending, ...length });
  const content = request.method === 'HEAD' || status === noContent ? '' : body;
  if (isWhole || request.destroyed) {
    response.end(content);
    return;
  }
  response.flushHeaders();
  if (content !== '') response.write(content);
  readAway(request, () => response.end());
}

/** Until the body is over, the caller is gone, or it was enough. */
function readAway(request: IncomingMessage, done: () => void): void {
  let bytes = 0;
  const stop = () => {
    clearTimeout(timer);
    request.off('data', count).off('end', stop).off('close', stop);
    done();
  };
  const count = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > lingerMaxBytes) stop();
  };
  const timer = setTimeout(stop, lingerMaxMs);
  request.on('data', count).on('end', stop).on('close', stop);
}
