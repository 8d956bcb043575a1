// Cloudflare Workers: `export default toWorker(receiver)`.
import type { FetchHandler, IncomingRequest } from '../receiver/incoming.ts';

type ExecutionContext = { waitUntil(work: Promise<unknown>): void };

export function toWorker<Env = unknown>(
  handler: FetchHandler<Env>,
): { fetch(request: IncomingRequest, env: Env, context: ExecutionContext): Promise<Response> } {
  return {
    fetch: (request, env, context) =>
      handler.fetch(request, { env, waitUntil: (work) => context.waitUntil(work) }),
  };
}
