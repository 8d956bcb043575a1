// Every answer that is not a success: one registry of codes, one error class, one mapper.
import { randomInt } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isDatabaseUnavailable } from '../store/availability.ts';

/** Every code that an answer can carry, with its HTTP status. */
const statusOf = {
  bad_request: 400,
  endpoint_disabled: 400,
  invalid_range: 400,
  invalid_scheme: 400,
  limit_reached: 400,
  missing_payload: 400,
  authentication_failed: 401,
  insufficient_access: 403,
  not_found: 404,
  request_timeout: 408,
  conflict: 409,
  delivery_in_progress: 409,
  event_type_exists: 409,
  request_in_progress: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  idempotency_mismatch: 422,
  validation_error: 422,
  too_many_requests: 429,
  headers_too_large: 431,
  server_error: 500,
  database_unavailable: 503,
  overloaded: 503,
} as const;

export type ApiErrorCode = keyof typeof statusOf;

/** Every code with its status, for whoever describes them. */
export const problemStatuses: readonly (readonly [code: string, status: number])[] = Object.entries(statusOf);

/** One wrong field: where (`['body', 'url']`), why in words that name the fix, and a stable type. */
export interface FieldProblem {
  loc: string[];
  msg: string;
  type: string;
}

/** A caller's mistake, or a known reason why the request cannot be served. `status` is the code's own. */
export class ApiError<Code extends ApiErrorCode = ApiErrorCode> extends Error {
  readonly code: Code;
  readonly status: (typeof statusOf)[Code];
  readonly detail: string | FieldProblem[];

  constructor(code: Code, status: (typeof statusOf)[Code], detail: string | FieldProblem[]) {
    super(typeof detail === 'string' ? detail : 'the request has wrong fields');
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
    this.detail = detail;
  }
}

export function notFound(detail = 'Entity not found'): ApiError {
  return new ApiError('not_found', 404, detail);
}

type ConflictCode = {
  [Code in ApiErrorCode]: (typeof statusOf)[Code] extends 409 ? Code : never;
}[ApiErrorCode];

export function conflict(detail: string, code: ConflictCode = 'conflict'): ApiError {
  return new ApiError(code, 409, detail);
}

export function invalid(problems: FieldProblem[]): ApiError {
  return new ApiError('validation_error', 422, problems);
}

/** `invalid` for a single field of the body. */
export function invalidField(field: string, msg: string, type = 'value_error'): ApiError {
  return invalid([{ loc: ['body', ...field.split('.')], msg, type }]);
}

const serverError = new ApiError('server_error', 500, 'an unexpected error occurred');
const retryAfterMinSeconds = 1;
const retryAfterMaxSeconds = 5;

// What Fastify and Node raise on their own, in our words.
const frameworkErrors: Record<string, ApiError> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: new ApiError(
    'unsupported_media_type',
    415,
    'the body must be JSON: send it with the header content-type: application/json',
  ),
  FST_ERR_BAD_URL: new ApiError('bad_request', 400, 'the path is not a valid URL path: check its % escapes'),
  FST_ERR_MAX_PARAM_LENGTH: notFound(),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: new ApiError(
    'bad_request',
    400,
    'the body is shorter or longer than its content-length',
  ),
  ECONNRESET: new ApiError('bad_request', 400, 'the request ended before its body was complete'),
};

// Text that PostgreSQL cannot store. Validation refuses it first; this keeps a gap there from becoming a 500.
const unstorableText = new Set(['22021', '22P05']);

interface RaisedError {
  code?: unknown;
  statusCode?: unknown;
  syscall?: unknown;
}

function bodyTooLarge({ routeOptions }: FastifyRequest): ApiError {
  const detail = `the request body must not be larger than ${routeOptions.bodyLimit} bytes`;
  return new ApiError('payload_too_large', 413, detail);
}

function describe(error: unknown, request: FastifyRequest): ApiError {
  if (error instanceof ApiError) return error;
  if (isDatabaseUnavailable(error)) {
    return new ApiError('database_unavailable', 503, 'the database is unavailable right now: try again soon');
  }
  if (!(error instanceof Error)) return serverError;
  const { code, statusCode } = error as RaisedError;
  if (typeof code !== 'string') return serverError;
  if (unstorableText.has(code)) {
    return invalid([
      { loc: ['body'], msg: 'contains a character that cannot be stored', type: 'value_error' },
    ]);
  }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return bodyTooLarge(request);
  const known = frameworkErrors[code];
  if (known !== undefined) return known;
  const isCallersMistake = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  return isCallersMistake ? new ApiError('bad_request', 400, error.message) : serverError;
}

function logUnexpected(error: unknown, request: FastifyRequest): void {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  // Not the error object itself: a PostgreSQL error can hold the row that it refused.
  request.log.error(
    { error: { name, message, code, stack }, route: request.routeOptions.url },
    'request failed',
  );
}

/** The problem that `error` is. Anything unknown is a 500 without details, logged with the request id. */
export function problemOf(error: unknown, request: FastifyRequest): ApiError {
  const problem = describe(error, request);
  if (problem.status === 500) logUnexpected(error, request);
  if (problem.status === 503) {
    request.server.outageLog.warn({ err: error, requestId: request.id }, 'a request was answered with 503');
  }
  return problem;
}

/** Spread, so that callers who failed together do not come back together. */
export function retryAfterSeconds(): number {
  return randomInt(retryAfterMinSeconds, retryAfterMaxSeconds + 1);
}

/** Answers with the problem that `error` is. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error, request);
  if (problem.status === 503 || problem.status === 429) {
    reply.header('retry-after', retryAfterSeconds());
  }
  return reply
    .code(problem.status)
    .type('application/json; charset=utf-8')
    .send({ code: problem.code, detail: problem.detail });
}

/** Makes every error of `api`, and every unknown path, an answer of the shape `{ code, detail }`. */
export function installProblems(api: FastifyInstance): void {
  api.setErrorHandler(sendProblem);
  api.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0];
    return sendProblem(notFound(`${request.method} ${path} does not exist`), request, reply);
  });
}
