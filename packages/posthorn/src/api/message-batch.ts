// Many messages in one request: each is accepted or refused on its own, and the answer says which in their order.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Slice } from '../core/json-slice.ts';
import { publishing } from './access.ts';
import { itemSlices } from './body-items.ts';
import type { Api, ApiDeps } from './context.ts';
import { checkDeliverAt } from './deliver-at.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { parseBody } from './json-body.ts';
import { MessageIn, payloadPlace, readMessage, tidyBody } from './message-body.ts';
import { jsonContentType, withoutContent } from './message-wire.ts';
import { acceptMessage, createdText, idempotencyWith, refusalOf } from './messages.ts';
import type { PayloadCheck } from './payload-check.ts';
import { ApiError, invalidField, problemOf } from './problems.ts';
import { compileValidator, opaque, opaqueNames } from './validation.ts';

const batchPath = '/api/v1/app/:app/msg/batch';
const messagesMax = 1_000;
const batchBodyMaxBytes = 16 * 1024 * 1024;
// A message may nest this deep; what its payload may is said by readMessage.
const batchDepthMax = 200;

// After so much of a batch, other requests get their turn.
const turnMaxBytes = 128 * 1024;

const BatchIn = Type.Object({ messages: Type.Array(Type.Unknown(), opaque) });
const opaqueOfMessage = opaqueNames(MessageIn);
const validateMessage = compileValidator({
  schema: MessageIn,
  method: 'POST',
  url: batchPath,
  httpPart: 'body',
});

/** Where each message is. `bytes` has been parsed to a body that fits BatchIn. Throws 422. */
async function messageSlices(bytes: Buffer): Promise<Slice[]> {
  const slices = await itemSlices(bytes, 'messages', { itemsMax: messagesMax, depthMax: batchDepthMax });
  if (slices.length === 0) throw invalidField('messages', 'must not have fewer than 1 items');
  return slices;
}

interface Item {
  index: number;
  bytes: Buffer;
}

function checkedMessage(bytes: Buffer, bodyMaxBytes: number): MessageIn {
  if (bytes.length > bodyMaxBytes) {
    throw new ApiError('payload_too_large', 413, `a message must not be larger than ${bodyMaxBytes} bytes`);
  }
  const body = parseBody(bytes, opaqueOfMessage);
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
  payloads: PayloadCheck;
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
  { request, application, key, payloads }: Batch,
  item: Item,
): Promise<ItemResult> {
  try {
    const body = checkedMessage(item.bytes, deps.bodyMaxBytes);
    const message = readMessage(body, item.bytes, deps.clock.now());
    const checking = payloads.check(request.environmentId, { ...message, place: payloadPlace(body) });
    if (checking) await checking;
    const keeping = checkDeliverAt(deps, request.environmentId, message);
    if (keeping) await keeping;
    const itemKey = key === undefined ? undefined : `${key}#${item.index}`;
    const named = { environmentId: request.environmentId, application, ...message };
    const idempotency = idempotencyWith(itemKey, batchPath, item.bytes);
    const acceptance = await acceptMessage(deps, { ...named, ...idempotency }, body);
    if (acceptance.kind !== 'accepted') throw refusalOf(acceptance);
    const text = `{"status":202,"message":${createdText(acceptance, message, withoutContent)}}`;
    return { text };
  } catch (error) {
    const problem = problemOf(error, request);
    const { status, code, detail } = problem;
    return { problem, text: JSON.stringify({ status, code, detail }) };
  }
}

/** The results in the order of the messages. Between groups of them, other requests are served. */
async function acceptItems(deps: ApiDeps, batch: Batch, bytes: Buffer): Promise<ItemResult[]> {
  const results: Promise<ItemResult>[] = [];
  let turnEnd = turnMaxBytes;
  for (const [index, { start, end }] of (await messageSlices(bytes)).entries()) {
    results.push(acceptItem(deps, batch, { index, bytes: bytes.subarray(start, end) }));
    if (end < turnEnd) continue;
    turnEnd = end + turnMaxBytes;
    await nextTurn();
  }
  return Promise.all(results);
}

export function registerMessageBatchRoutes(api: Api, deps: ApiDeps, payloads: PayloadCheck): void {
  api.post(
    batchPath,
    {
      config: { ...publishing, repeatable: true },
      bodyLimit: batchBodyMaxBytes,
      schema: { params: Type.Object({ app: Type.String() }), body: BatchIn },
    },
    async (request, reply) => {
      const batch: Batch = {
        request,
        application: request.params.app,
        key: idempotencyKeyOf(request.headers),
        payloads,
      };
      await nextTurn();
      const results = await acceptItems(deps, batch, request.bodyBytes);
      const common = results[0]?.problem;
      const isCommon = results.every(({ problem }) => problem?.code === common?.code);
      if (common && isCommon && wholeStatuses.includes(common.status)) throw common;
      const texts = results.map(({ text }) => text).join(',');
      return reply.code(202).type(jsonContentType).send(`{"data":[${texts}]}`);
    },
  );
}
