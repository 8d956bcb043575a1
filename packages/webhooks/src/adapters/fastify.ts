// Fastify: `app.register(toFastify(receiver), { prefix: '/webhooks' })`. A plugin of its own scope, without body parsers.
import type { FetchHandler, IncomingRequest } from '../receiver/incoming.ts';
import { incomingOf } from '../adapter/node-message.ts';
import type { NodeRequest } from '../adapter/node-message.ts';

type FastifyRequest = { readonly raw: NodeRequest; readonly rawBody?: unknown; readonly body: unknown };
type FastifyReply = {
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  send(body?: unknown): unknown;
};
type Parsed = (error: Error | null, body?: unknown) => void;

type FastifyScope = {
  removeAllContentTypeParsers(): void;
  addContentTypeParser(type: string, parse: (request: never, payload: never, done: Parsed) => void): unknown;
  all(path: string, handle: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>): unknown;
};

const bodyFix =
  'no hook or plugin may read the body of these routes; keep the bytes as request.rawBody if one must';

export function toFastify(
  handler: FetchHandler,
): (scope: FastifyScope, options: unknown, done: () => void) => void {
  const handle = async (request: FastifyRequest, reply: FastifyReply) =>
    send(reply, await handler.fetch(requestOf(request)));
  return (scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    // Hands the body on unread; a parser is what makes Fastify take any type.
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    scope.all('/', handle);
    scope.all('/*', handle);
    done();
  };
}

function requestOf({ raw, rawBody }: FastifyRequest): IncomingRequest {
  return incomingOf(raw, { rawBody }, bodyFix);
}

async function send(reply: FastifyReply, answer: Response): Promise<unknown> {
  reply.code(answer.status);
  answer.headers.forEach((value, name) => void reply.header(name, value));
  return reply.send(answer.body === null ? undefined : new Uint8Array(await answer.arrayBuffer()));
}
