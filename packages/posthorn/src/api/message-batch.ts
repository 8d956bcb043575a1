// Many messages in one request: each is accepted or refused on its own, and the answer says which in their order.
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { type Slice, sliceElements, sliceMembers } from '../core/json-slice.ts';
import type { Api, ApiDeps } from './context.ts';
import { MessageIn, readMessage, tidyBody } from './message-body.ts';
import { jsonContentType, withoutContent } from './message-wire.ts';
import { createdText, idempotencyKeyOf, idempotencyWith, refusalOf } from './messages.ts';
import { type ApiError, invalidField, problemOf } from './problems.ts';
import { compileValidator, opaque } from './validation.ts';

const batchPath = '/api/v1/app/:app/msg/batch';
const messagesMax = 1_000;
const batchBodyMaxBytes = 16 * 1024 * 1024;
// A message may nest this deep; what its payload may is said by readMessage.
const batchDepthMax = 200;

const BatchIn = Type.Object({
  messages: Type.Array(Type.Unknown(), { minItems: 1, maxItems: messagesMax, ...opaque }),
});
const validateMessage = compileValidator({
  schema: MessageIn,
  method: 'POST',
  url: batchPath,
  httpPart: 'body',
});

/** The bytes of each message. `bytes` has been parsed to a body that fits BatchIn. */
function messageSlices(bytes: Buffer): Slice[] {
  const members = sliceMembers(bytes, ['messages'], batchDepthMax);
  const array = members === 'too_deep' ? undefined : members.get('messages');
  const slices = array && sliceElements(bytes, array, batchDepthMax);
  if (slices && slices !== 'too_deep') return slices;
  throw invalidField('messages', `must not be nested deeper than ${batchDepthMax}`);
}

interface Item {
  index: number;
  body: unknown;
  bytes: Buffer;
}

function checkedMessage(body: unknown): MessageIn {
  tidyBody(body);
  const result: unknown = validateMessage(body);
  const { error } = result as { error?: Error };
  if (error) throw error;
  return body as MessageIn;
}

interface Batch {
  request: FastifyRequest;
  application: string;
  /** The request's idempotency key: every message has its own part of it. */
  key: string | undefined;
}

/** What became of one message, and that as JSON text: `{ status, message }` or `{ status, code, detail }`. */
interface ItemResult {
  text: string;
  problem?: ApiError;
}

// These are said of the request as a whole when they hold for all of its messages.
const wholeStatuses: readonly number[] = [404, 503];

async function acceptItem(
  deps: ApiDeps,
  { request, application, key }: Batch,
  item: Item,
): Promise<ItemResult> {
  try {
    const body = checkedMessage(item.body);
    const message = readMessage(body, item.bytes);
    const itemKey = key === undefined ? undefined : `${key}#${item.index}`;
    const acceptance = await deps.accept({
      environmentId: request.environmentId,
      application,
      ...message,
      ...idempotencyWith(itemKey, batchPath, item.bytes),
    });
    if (acceptance.kind !== 'accepted') throw refusalOf(acceptance, body);
    const text = `{"status":202,"message":${createdText(acceptance, message, withoutContent)}}`;
    return { text };
  } catch (error) {
    const problem = problemOf(error, request);
    const { status, code, detail } = problem;
    return { problem, text: JSON.stringify({ status, code, detail }) };
  }
}

export function registerMessageBatchRoutes(api: Api, deps: ApiDeps): void {
  api.post(
    batchPath,
    { bodyLimit: batchBodyMaxBytes, schema: { params: Type.Object({ app: Type.String() }), body: BatchIn } },
    async (request, reply) => {
      const { bodyBytes, body } = request;
      const batch: Batch = {
        request,
        application: request.params.app,
        key: idempotencyKeyOf(request.headers),
      };
      const results = await Promise.all(
        messageSlices(bodyBytes).map(({ start, end }, index) =>
          acceptItem(deps, batch, {
            index,
            body: body.messages[index],
            bytes: bodyBytes.subarray(start, end),
          }),
        ),
      );
      const common = results[0]?.problem;
      const isCommon = results.every(({ problem }) => problem?.code === common?.code);
      if (common && isCommon && wholeStatuses.includes(common.status)) throw common;
      const texts = results.map(({ text }) => text).join(',');
      return reply.code(202).type(jsonContentType).send(`{"data":[${texts}]}`);
    },
  );
}
