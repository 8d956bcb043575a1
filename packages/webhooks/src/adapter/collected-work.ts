// For platforms that freeze the process once it has answered: work that handlers leave behind is awaited before the answer.
import type { FetchHandler, IncomingRequest, Platform } from '../receiver/incoming.ts';

export async function answerAfterWork<Env>(
  handler: FetchHandler<Env>,
  request: IncomingRequest,
  platform: Platform<Env> = {},
): Promise<Response> {
  const works: Promise<unknown>[] = [];
  const answer = await handler.fetch(request, { ...platform, waitUntil: (work) => void works.push(work) });
  // Work may leave more work behind.
  for (const work of works) await work;
  return answer;
}
