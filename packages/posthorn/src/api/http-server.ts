// Node's server below the API: its limits of time, what became of what is no request, and a second door beside the API's
// routes.
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { StandstillWatch } from '../lib/standstill.ts';
import { LateRequests } from './late-requests.ts';
import { ApiError } from './problems.ts';
import { isLate, lateProblem, sendSocketProblem, socketProblem } from './socket-problems.ts';

const defaultTimes = {
  headersMs: 10_000,
  requestMs: 30_000,
  // Longer than the 60 s after which common load balancers drop an idle connection, so that they do it first.
  keepAliveMs: 65_000,
  checkEveryMs: 2_000,
};
const connectionsMax = 10_000;
const notFramed = new ApiError('bad_request', 400, 'the header transfer-encoding names no encoding');

/** Serves what is no route of the API's: the requests that it says are for it. */
export interface OtherDoor {
  isFor(request: IncomingMessage): boolean;
  /** `isClosing`: no further request is to come on the connection. */
  serve(request: IncomingMessage, response: ServerResponse, isClosing: () => boolean): void;
}

export interface HttpServerParts {
  serve: RequestListener;
  other: OtherDoor | undefined;
  clock: Clock;
  times?: typeof defaultTimes;
}

export function createHttpServer({ serve, other, clock, times = defaultTimes }: HttpServerParts): Server {
  const { headersMs, requestMs, keepAliveMs, checkEveryMs } = times;
  const standstill = new StandstillWatch(clock);
  const late = new LateRequests({ standstill, unusedMaxMs: keepAliveMs, graceMs: headersMs });
  const refused = new WeakSet<Socket>();
  const server = createServer(
    {
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: checkEveryMs,
    },
    (request, response) => {
      // Already read together with the one that was refused: where it begins is not certain.
      if (refused.has(request.socket)) return;
      late.begins(request, response);
      if (isFramedByNothing(request)) {
        refused.add(request.socket);
        return refuseFraming(response);
      }
      if (other?.isFor(request)) other.serve(request, response, () => !server.listening);
      else serve(request, response);
    },
  );
  server.maxConnections = connectionsMax;
  server.on('clientError', (error: Error, socket) => answerError(late, error, socket as Socket));
  server.on('close', () => standstill.stop());
  return server;
}

/**
 * Node passes over a Transfer-Encoding that names none, and takes the length for true or the body for the next request:
 * somebody in front who reads it otherwise would send on what a stranger has hidden in a body.
 */
function isFramedByNothing({ headers }: IncomingMessage): boolean {
  const encoding = headers['transfer-encoding'];
  return encoding !== undefined && /^[\s,]*$/.test(encoding);
}

function refuseFraming(response: ServerResponse): void {
  const { status, code, detail } = notFramed;
  const headers = { 'content-type': 'application/json; charset=utf-8', connection: 'close' };
  response.writeHead(status, headers).end(JSON.stringify({ code, detail }));
}

function answerError(late: LateRequests, error: Error, socket: Socket): void {
  const refuse = (problem: ApiError | undefined) => {
    const isGone = problem === undefined || !socket.writable;
    if (isGone || late.isAnswered(socket)) socket.destroy();
    else sendSocketProblem(problem, socket);
  };
  if (isLate(error)) late.judge(socket, (fault) => refuse(lateProblem(fault)));
  else refuse(socketProblem(error));
}
