// What is answered to bytes that never became a whole request, in the shape of every other problem.
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Fault } from './late-requests.ts';
import { ApiError, retryAfterSeconds } from './problems.ts';

const notHttp = new ApiError('bad_request', 400, 'not a valid HTTP request');
const headersTooLarge = new ApiError('headers_too_large', 431, 'the request headers are too large');
const lateProblems: Readonly<Record<Fault, ApiError>> = {
  caller: new ApiError('request_timeout', 408, 'the request did not arrive in time'),
  server: new ApiError(
    'overloaded',
    503,
    'the server could not read the request in time: send it again later',
  ),
};
// A connection that is closed over bytes that nobody read can take the answer with it.
const closeAfterMs = 2_000;

const codeOf = (error: Error): unknown => Reflect.get(error, 'code');

/** Whether Node waited too long for the rest of a request. */
export const isLate = (error: Error): boolean => codeOf(error) === 'ERR_HTTP_REQUEST_TIMEOUT';

export const lateProblem = (fault: Fault): ApiError => lateProblems[fault];

/** Undefined when the connection is gone, and nobody there to be answered. */
export function socketProblem(error: Error): ApiError | undefined {
  if (codeOf(error) === 'ECONNRESET') return undefined;
  return codeOf(error) === 'HPE_HEADER_OVERFLOW' ? headersTooLarge : notHttp;
}

/** Answers, and ends the connection. */
export function sendSocketProblem({ status, code, detail }: ApiError, socket: Socket): void {
  const body = JSON.stringify({ code, detail });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    ...(status === 503 ? [`retry-after: ${retryAfterSeconds()}`] : []),
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  setTimeout(() => socket.destroy(), closeAfterMs).unref();
}
