// SvelteKit: `export const fallback = toSvelteKit(receiver)` in a +server.js, which then answers every method.
import type { FetchHandler, IncomingRequest } from '../receiver/incoming.ts';

type SvelteKitEvent = { readonly request: IncomingRequest; readonly platform?: object | undefined };
type ExecutionContext = { waitUntil(work: Promise<unknown>): void };

const bodyFix = 'call the receiver before event.request.json(), also in the handle hook';

export function toSvelteKit(handler: FetchHandler): (event: SvelteKitEvent) => Promise<Response> {
  return ({ request, platform }) => {
    const { method, url, headers, body, bodyUsed = false } = request;
    const context = contextOf(platform ?? {});
    return handler.fetch(
      { method, url, headers, body, bodyUsed, bodyFix },
      {
        ...(context && { waitUntil: (work) => context.waitUntil(work) }),
        ...('env' in (platform ?? {}) && { env: (platform as { env: unknown }).env }),
      },
    );
  };
}

/** What adapter-cloudflare gives: `ctx`, in older versions `context`. */
function contextOf(platform: object): ExecutionContext | undefined {
  const { ctx, context } = platform as { ctx?: ExecutionContext; context?: ExecutionContext };
  return ctx ?? context;
}
