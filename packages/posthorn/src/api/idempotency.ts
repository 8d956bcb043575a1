// A POST that is repeated under its idempotency-key gets the answer that the first one got, and has no second effect.
// Messages have a stronger way of their own: their key is stored in the statement that stores them (messages.ts).
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { beginRequest, endRequest } from '../store/idempotent-requests.ts';
import type { Begun, RequestKey } from '../store/idempotent-requests.ts';
import type { ApiDeps } from './context.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { jsonContentType } from './message-wire.ts';
import { ApiError, conflict } from './problems.ts';

// Longer than a request can take, with all its statements.
const cutOffMs = 60_000;
const answerMaxBytes = 1024 * 1024;
// What says "not now" is asked for again.
const passingStatuses: readonly number[] = [409, 429];

/** A request under a key, from its first statement to its answer. */
interface Running {
  key: RequestKey;
  startedAt: string;
}

const sha256 = (...parts: (string | Uint8Array)[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

function requestKeyOf(request: FastifyRequest): RequestKey | undefined {
  const { config } = request.routeOptions;
  if (request.method !== 'POST' || config.access === 'public' || config.repeatable === true) return undefined;
  const key = idempotencyKeyOf(request.headers);
  if (key === undefined) return undefined;
  const caller = sha256(request.headers.authorization ?? '');
  return { environmentId: request.environmentId, caller, key };
}

const ownerOf = ({ environmentId, caller, key }: RequestKey) =>
  `idempotent_request:${environmentId}:${Buffer.from(caller).toString('hex')}:${key}`;

function refusalOf({ kind }: Begun): ApiError {
  if (kind === 'in_progress') {
    return conflict(
      'a request with this idempotency-key is under way: repeat it in a moment',
      'request_in_progress',
    );
  }
  return new ApiError(
    'idempotency_mismatch',
    422,
    'this idempotency-key was used before for another request: send the same one, or a new key',
  );
}

/** What of an answer is kept; undefined for none. */
function keptText(status: number, payload: unknown): string | undefined {
  if (status >= 500 || passingStatuses.includes(status)) return undefined;
  if (payload === null || payload === undefined) return '';
  const text = Buffer.isBuffer(payload) ? payload.toString('utf8') : payload;
  return typeof text === 'string' && Buffer.byteLength(text) <= answerMaxBytes ? text : undefined;
}

/** For every POST whose route is not `repeatable`; to be installed behind the authenticator. */
export function installIdempotency(api: FastifyInstance, { db, box }: Pick<ApiDeps, 'db' | 'box'>): void {
  const running = new WeakMap<FastifyRequest, Running>();

  const replay = (
    key: RequestKey,
    { status, sealed }: Extract<Begun, { kind: 'answered' }>,
    reply: FastifyReply,
  ) => {
    const text = box.open(sealed, ownerOf(key));
    reply.code(status).header('idempotent-replayed', 'true');
    return text === '' ? reply.send() : reply.type(jsonContentType).send(text);
  };

  // Behind the validation: what is not valid has no effect that could be repeated.
  api.addHook('preHandler', async (request, reply) => {
    const key = requestKeyOf(request);
    if (key === undefined) return;
    const fingerprint = sha256(`POST ${request.url}\n`, request.bodyBytes);
    const begun = await beginRequest(db.pool, key, { fingerprint, cutOffMs });
    if (begun.kind === 'answered') return replay(key, begun, reply);
    if (begun.kind !== 'begun') throw refusalOf(begun);
    running.set(request, { key, startedAt: begun.startedAt });
  });

  // Before the answer goes out: whoever has it and asks again gets the same.
  api.addHook('onSend', async (request, reply, payload) => {
    const mine = running.get(request);
    if (mine === undefined) return payload;
    running.delete(request);
    const text = keptText(reply.statusCode, payload);
    const answer =
      text === undefined
        ? undefined
        : { status: reply.statusCode, sealed: box.seal(text, ownerOf(mine.key)) };
    try {
      await endRequest(db.pool, mine.key, mine.startedAt, answer);
    } catch (error) {
      // What was done is done and is answered; the key says "under way" until it counts as cut off.
      api.outageLog.warn({ err: error, requestId: request.id }, 'the answer to a request could not be kept');
    }
    return payload;
  });
}
