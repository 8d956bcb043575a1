// Next.js: `export const { GET, HEAD, OPTIONS, POST } = toNextRoute(receiver)` in a route handler of the app router;
// `export default toNextPages(receiver)` in an API route of the pages router.
import { incomingOf, respond } from '../adapter/node-message.ts';
import type { NodeExtras, NodeRequest, NodeResponse } from '../adapter/node-message.ts';
import type { FetchHandler, IncomingRequest, Platform } from '../receiver/incoming.ts';

type RouteMethod = 'DELETE' | 'GET' | 'HEAD' | 'OPTIONS' | 'PATCH' | 'POST' | 'PUT';
type RouteHandler = (request: IncomingRequest) => Promise<Response>;

const routeFix = 'call the receiver before request.json(), request.text() and the like';
const pagesFix = 'add `export const config = { api: { bodyParser: false } }` to the file of this API route';

/** `waitUntil` is `after` of next/server: work then goes on after the answer, where the process is frozen too. */
export function toNextRoute(
  handler: FetchHandler,
  platform: Platform = {},
): Readonly<Record<RouteMethod, RouteHandler>> {
  const route: RouteHandler = ({ method, url, headers, body, bodyUsed = false }) =>
    handler.fetch({ method, url, headers, body, bodyUsed, bodyFix: routeFix }, platform);
  return {
    DELETE: route,
    GET: route,
    HEAD: route,
    OPTIONS: route,
    PATCH: route,
    POST: route,
    PUT: route,
  };
}

export function toNextPages(
  handler: FetchHandler,
): (request: NodeRequest & NodeExtras, response: NodeResponse) => Promise<void> {
  return async (request, response) => {
    await respond(response, await handler.fetch(incomingOf(request, request, pagesFix)));
  };
}
