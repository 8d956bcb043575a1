// Bytes to JSON: strict UTF-8, errors that say what is wrong, and the bytes kept for whoever must pass them on.
import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { invalid } from './problems.ts';
import type { ApiError } from './problems.ts';

function undecodable(msg: string): ApiError {
  return invalid([{ loc: ['body'], msg, type: 'value_error.jsondecode' }]);
}

function decode(bytes: Buffer): unknown {
  // No body: the route's schema decides whether it can do without.
  if (bytes.length === 0) return undefined;
  if (!isUtf8(bytes)) throw undecodable('the body is not UTF-8');
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    // V8 quotes the text around the mistake, which may be a secret: only its place is passed on.
    const position = error instanceof Error ? /at position \d+/.exec(error.message)?.[0] : undefined;
    throw undecodable(`the body is not valid JSON${position === undefined ? '' : `, ${position}`}`);
  }
}

/** JSON is the only content type; the parsed value becomes `request.body`, the bytes `request.bodyBytes`. */
export function installJsonBody(api: FastifyInstance): void {
  const noBytes = Buffer.alloc(0);
  api.decorateRequest('bodyBytes');
  api.addHook('onRequest', (request, _reply, done) => {
    request.bodyBytes = noBytes;
    done();
  });
  api.removeAllContentTypeParsers();
  api.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
    request.bodyBytes = bytes;
    try {
      done(null, decode(bytes));
    } catch (error) {
      done(error as Error);
    }
  });
}
