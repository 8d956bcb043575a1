// Koa: `app.use(toKoa(receiver))` behind a router or a mount, before any body parser.
import { incomingOf, respond } from '../adapter/node-message.ts';
import type { NodeExtras, NodeRequest, NodeResponse } from '../adapter/node-message.ts';
import type { FetchHandler } from '../receiver/incoming.ts';

type KoaContext = {
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  readonly originalUrl: string;
  /** Body parsers of Koa put what they read here. */
  readonly request: object;
  respond?: boolean | undefined;
};

const bodyFix = 'use the receiver before koa-bodyparser or koa-body, or exclude its path there';

export function toKoa(handler: FetchHandler): (context: KoaContext) => Promise<void> {
  return async (context) => {
    const { req, res, originalUrl } = context;
    const { rawBody, body }: NodeExtras = context.request;
    const answer = await handler.fetch(incomingOf(req, { originalUrl, rawBody, body }, bodyFix));
    // Koa would make JSON of bytes: the answer is written past it.
    context.respond = false;
    await respond(res, answer);
  };
}
