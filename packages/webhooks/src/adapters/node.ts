// node:http, and whatever hands over its request and response: `createServer(toNode(receiver))`.
import { incomingOf, respond } from '../adapter/node-message.ts';
import type { NodeExtras, NodeRequest, NodeResponse } from '../adapter/node-message.ts';
import type { FetchHandler } from '../receiver/incoming.ts';

const bodyFix = 'call the receiver before anything reads the request, or keep the bytes as request.rawBody';

export function toNode(
  handler: FetchHandler,
): (request: NodeRequest & NodeExtras, response: NodeResponse) => Promise<void> {
  return async (request, response) => {
    const answer = await handler.fetch(incomingOf(request, request, bodyFix));
    try {
      await respond(response, answer);
    } catch {
      // The body of a handler's own answer broke off; no framework is here to say so.
      response.statusCode = 500;
      response.end();
    }
  };
}
