// Azure Functions, version 4 of the Node model: `app.http('webhooks', { handler: toAzureFunction(receiver), … })`.
import { answerAfterWork } from '../adapter/collected-work.ts';
import type { FetchHandler, IncomingRequest } from '../receiver/incoming.ts';

type AzureResponse = { status: number; headers: Record<string, string>; body?: Uint8Array };

const bodyFix = 'call the receiver before request.json(), request.text() and the like';

/** The function may be stopped once it has answered: `waitUntil` and `answerFirst` delay the answer here. */
export function toAzureFunction(handler: FetchHandler): (request: IncomingRequest) => Promise<AzureResponse> {
  return async ({ method, url, headers, body, bodyUsed = false }) =>
    responseOf(await answerAfterWork(handler, { method, url, headers, body, bodyUsed, bodyFix }));
}

async function responseOf(answer: Response): Promise<AzureResponse> {
  const { status, headers, body } = answer;
  const head = { status, headers: Object.fromEntries(headers) };
  return body === null ? head : { ...head, body: new Uint8Array(await answer.arrayBuffer()) };
}
