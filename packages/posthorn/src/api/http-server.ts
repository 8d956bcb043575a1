// Node's server below the API: its limits of time, and a second door beside the API's routes.
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';

const headersTimeoutMs = 10_000;
const requestTimeoutMs = 30_000;
// Longer than the 60 s after which common load balancers drop an idle connection, so that they do it first.
const keepAliveTimeoutMs = 65_000;
const connectionsMax = 10_000;

/** Serves what is no route of the API's: the requests that it says are for it. */
export interface OtherDoor {
  isFor(request: IncomingMessage): boolean;
  serve(request: IncomingMessage, response: ServerResponse): void;
}

export function createHttpServer(serve: RequestListener, other: OtherDoor | undefined): Server {
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
    },
    (request, response) => {
      if (other?.isFor(request)) other.serve(request, response);
      else serve(request, response);
    },
  );
  server.maxConnections = connectionsMax;
  return server;
}
