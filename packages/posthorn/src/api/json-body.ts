// Bytes to JSON: strict UTF-8, errors that say what is wrong, and the bytes kept for whoever must pass them on. However
// hostile the bytes, other requests wait for a few milliseconds only: what costs much to build is counted first.
import { isUtf8 } from 'node:buffer';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { advanceShape, type JsonShape, shapeOfJson, walkShape } from '../core/json-shape.ts';
import { sliceMembers } from '../core/json-slice.ts';
import { invalid } from './problems.ts';
import type { ApiError } from './problems.ts';
import { opaqueNames } from './validation.ts';

// All that a body may hold, opaque members left out. The largest list of any noun has 1,000 elements.
const valuesMax = 10_000;
// So few bytes cannot hold more than `valuesMax` values, and are parsed in a few milliseconds whatever they are.
const countedFromBytes = 16 * 1024;
// After so much of a body, other requests get their turn.
const turnMaxBytes = 1024 * 1024;

const openBracket = 0x5b;
const openBrace = 0x7b;

function refused(msg: string, type: string): ApiError {
  return invalid([{ loc: ['body'], msg, type }]);
}

function undecodable(msg: string): ApiError {
  return refused(msg, 'value_error.jsondecode');
}

function tooMany(): ApiError {
  return refused(`must not hold more than ${valuesMax} values`, 'value_error');
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    // V8 quotes the text around the mistake, which may be a secret: only its place is passed on.
    const position = error instanceof Error ? /at position \d+/.exec(error.message)?.[0] : undefined;
    throw undecodable(`the body is not valid JSON${position === undefined ? '' : `, ${position}`}`);
  }
}

/** The shape, with turns for other requests; undefined when there are more than `max` values. */
async function shapeInTurns(bytes: Buffer, max: number): Promise<JsonShape | undefined> {
  const walk = walkShape(bytes);
  for (;;) {
    const shape = advanceShape(walk, walk.at + turnMaxBytes, max);
    if (shape !== undefined || walk.values > max) return shape;
    await nextTurn();
  }
}

/** The valid JSON object `bytes` with its members `names` emptied, where they are arrays or objects. */
function emptyMembers(bytes: Buffer, names: readonly string[]): Buffer {
  const slices = sliceMembers(bytes, names, Number.POSITIVE_INFINITY);
  if (slices === 'too_deep') return bytes;
  const parts: Buffer[] = [];
  let from = 0;
  for (const { start, end } of [...slices.values()].sort((a, b) => a.start - b.start)) {
    if (bytes[start] !== openBrace && bytes[start] !== openBracket) continue;
    parts.push(bytes.subarray(from, start + 1));
    from = end - 1;
  }
  return parts.length === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(from)]);
}

/** Throws 422 for what is not JSON, and for more values than `valuesMax` outside of what is opaque. */
function build(bytes: Buffer, shape: JsonShape | undefined, opaque: readonly string[]): unknown {
  if (shape?.kind === 'invalid') throw undecodable(`the body is not valid JSON, at position ${shape.at}`);
  // Without opaque members these are the values of all; the members are counted by name, so they must be few too.
  if (shape === undefined || shape.members > valuesMax) throw tooMany();
  const rest = opaque.length === 0 ? bytes : emptyMembers(bytes, opaque);
  if (shape.values > valuesMax && shapeOfJson(rest, valuesMax) === undefined) throw tooMany();
  return parse(rest);
}

// What is opaque may hold any number of values.
function valuesMaxFor(opaque: readonly string[]): number {
  return opaque.length === 0 ? valuesMax : Number.POSITIVE_INFINITY;
}

/**
 * The value of `bytes`, which are UTF-8. Of a large body the members called `opaque` come empty when they are arrays or
 * objects: they are checked to be JSON, but not built. Throws 422 for what is not JSON or holds too many values.
 */
export function parseBody(bytes: Buffer, opaque: readonly string[]): unknown {
  if (bytes.length <= countedFromBytes) return parse(bytes);
  return build(bytes, shapeOfJson(bytes, valuesMaxFor(opaque)), opaque);
}

async function readBody(request: FastifyRequest, bytes: Buffer): Promise<unknown> {
  request.bodyBytes = bytes;
  // No body: the route's schema decides whether it can do without.
  if (bytes.length === 0) return undefined;
  if (!isUtf8(bytes)) throw undecodable('the body is not UTF-8');
  if (bytes.length <= countedFromBytes) return parse(bytes);
  const schema = request.routeOptions.schema?.body;
  const opaque = opaqueNames(schema);
  const isRead = schema !== undefined;
  const shape = await shapeInTurns(bytes, isRead ? valuesMaxFor(opaque) : Number.POSITIVE_INFINITY);
  // A route that names no fields reads the bytes, or nothing.
  return !isRead && shape?.kind === 'valid' ? undefined : build(bytes, shape, opaque);
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
  api.addContentTypeParser('application/json', { parseAs: 'buffer' }, readBody);
}
