// Google Cloud Functions and Firebase: `http('webhooks', toCloudFunction(receiver))`.
import { answerAfterWork } from '../adapter/collected-work.ts';
import { incomingOf, respond } from '../adapter/node-message.ts';
import type { NodeExtras, NodeRequest, NodeResponse } from '../adapter/node-message.ts';
import type { FetchHandler } from '../receiver/incoming.ts';

const bodyFix = 'the platform keeps the bytes as request.rawBody: hand that request over, not a copy';

/** The function loses its processor once it has answered: `waitUntil` and `answerFirst` delay the answer here. */
export function toCloudFunction(
  handler: FetchHandler,
): (request: NodeRequest & NodeExtras, response: NodeResponse) => Promise<void> {
  return async (request, response) => {
    await respond(response, await answerAfterWork(handler, incomingOf(request, request, bodyFix)));
  };
}
