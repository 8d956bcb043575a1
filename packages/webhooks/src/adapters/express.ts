// Express 4 and 5: `app.use('/webhooks', toExpress(receiver))`, before any body parser.
import { incomingOf, respond } from '../adapter/node-message.ts';
import type { NodeExtras, NodeRequest, NodeResponse } from '../adapter/node-message.ts';
import type { FetchHandler } from '../receiver/incoming.ts';

const bodyFix =
  "mount the receiver before express.json(), or put express.raw({ type: '*/*', limit: '25mb' }) on its route";

export function toExpress(
  handler: FetchHandler,
): (request: NodeRequest & NodeExtras, response: NodeResponse, next: (error?: unknown) => void) => void {
  return (request, response, next) => {
    const answered = handler.fetch(incomingOf(request, request, bodyFix));
    // Express 4 does not look at promises.
    answered.then((answer) => respond(response, answer)).catch(next);
  };
}
