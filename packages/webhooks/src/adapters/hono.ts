// Hono: `app.all('/webhooks/*', toHono(receiver))`, on every runtime that Hono runs on.
import type { FetchHandler, IncomingRequest, Platform } from '../receiver/incoming.ts';

type HonoContext<Env> = {
  readonly env: Env;
  readonly req: { readonly raw: IncomingRequest; readonly bodyCache?: object };
  /** Throws where the platform has none. */
  readonly executionCtx: { waitUntil(work: Promise<unknown>): void };
};

const bodyFix =
  'the receiver must come before middleware that reads the body; validators and c.req.json() do';

export function toHono<Env = unknown>(
  handler: FetchHandler<Env>,
): (context: HonoContext<Env>) => Promise<Response> {
  return async (context) => handler.fetch(await requestOf(context.req), platformOf(context));
}

/** Middleware that read the body left it as bytes or text, which are exact, or only as JSON, which is not. */
async function requestOf({ raw, bodyCache }: HonoContext<unknown>['req']): Promise<IncomingRequest> {
  const { method, url, headers } = raw;
  if (raw.bodyUsed !== true) return { method, url, headers, body: raw.body, bodyFix };
  const { arrayBuffer, text } = (bodyCache ?? {}) as { arrayBuffer?: unknown; text?: unknown };
  const kept: unknown = await (arrayBuffer ?? text);
  const body = typeof kept === 'string' ? kept : new Uint8Array((kept ?? []) as ArrayBuffer);
  return { method, url, headers, body, bodyUsed: kept === undefined, bodyFix };
}

function platformOf<Env>(context: HonoContext<Env>): Platform<Env> {
  try {
    const { executionCtx } = context;
    return { env: context.env, waitUntil: (work) => executionCtx.waitUntil(work) };
  } catch {
    return { env: context.env };
  }
}
