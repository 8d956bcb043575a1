// Messages over HTTP. POST is the hot path: one parse, no query beside the engine's own, an answer written by hand.
import { createHash } from 'node:crypto';
import Type from 'typebox';
import type { Acceptance, NewMessage } from '../core/acceptance.ts';
import { ensureApplication } from './applications.ts';
import { expungePayloads, findMessage, findPayloads, listMessages } from '../store/messages.ts';
import type { SizedMessageRow } from '../store/messages.ts';
import { managing, publishing, viewing } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { checkDeliverAt } from './deliver-at.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { isRaw, MessageIn, payloadPlace, readMessage, tidyBody } from './message-body.ts';
import type { MessageContent } from './message-body.ts';
import { messageFilterFields, messageFilterOf } from './message-query.ts';
import {
  contentText,
  jsonContentType,
  messageListText,
  messageText,
  withoutContent,
} from './message-wire.ts';
import { parsePage } from './pagination.ts';
import type { PayloadCheck } from './payload-check.ts';
import { ApiError, conflict, notFound } from './problems.ts';
import { resolveApplication } from './resolve.ts';

const idPrefix = 'msg_';
const createPath = '/api/v1/app/:app/msg';
const ApplicationParams = Type.Object({ app: Type.String() });
const MessageParams = Type.Object({ app: Type.String(), msg: Type.String() });
const ContentQuery = Type.Object({ with_content: Type.Optional(Type.Boolean()) });
const ListQuery = Type.Object(messageFilterFields);

/** What `accept` is told of the key: `route` and `bytes` make its fingerprint. */
export function idempotencyWith(
  key: string | undefined,
  route: string,
  bytes: Uint8Array,
): Pick<NewMessage, 'idempotency'> {
  if (key === undefined) return {};
  // The application is not part of it: the same one can be named by its id or its uid, and keys are its own.
  const fingerprint = createHash('sha256').update(`POST ${route}\n`).update(bytes).digest();
  return { idempotency: { key, fingerprint } };
}

/** Why a message was not accepted. */
type Refusal = Exclude<Acceptance, { kind: 'accepted' }>;

export function refusalOf(refusal: Refusal): ApiError {
  switch (refusal.kind) {
    case 'unknown_application':
      return notFound('Application not found');
    case 'duplicate_event_id':
      return conflict(`this eventId is taken by the message ${refusal.messageId}`);
    case 'idempotency_mismatch':
      return new ApiError(
        'idempotency_mismatch',
        422,
        'this idempotency-key was used before with another body: send the same body, or a new key',
      );
  }
}

/** Takes the message in; an application that the body brings along is made first when it does not exist. */
export async function acceptMessage(
  deps: ApiDeps,
  message: NewMessage,
  { application }: MessageIn,
): Promise<Acceptance> {
  const acceptance = await deps.accept(message);
  if (acceptance.kind !== 'unknown_application' || application === undefined) return acceptance;
  await ensureApplication(deps, message.environmentId, message.application, application);
  return deps.accept(message);
}

/** The answer to an accepted message, as JSON text. `content` is JSON text too. */
export function createdText(
  { messageId, createdAt }: Extract<Acceptance, { kind: 'accepted' }>,
  message: MessageContent,
  content: string,
): string {
  const row = {
    id: messageId,
    event_type: message.eventType,
    event_id: message.eventId ?? null,
    channels: message.channels ?? null,
    tags: message.tags ?? null,
    deliver_at: message.deliverAt ?? null,
    order_key: message.orderKey ?? null,
    event_at: message.eventAt ?? null,
    created_at: createdAt,
  };
  return messageText(row, content);
}

/** The content as it is answered: a payload was parsed before and is JSON, a rawPayload can be anything. */
function acceptedContent(body: MessageIn, payload: Buffer): string {
  return isRaw(body) ? contentText(payload) : payload.toString('utf8');
}

/** The message with this id or eventId. Throws 404 when the application has none. */
export async function resolveMessage(
  { db }: ApiDeps,
  applicationId: string,
  idOrEventId: string,
): Promise<SizedMessageRow> {
  const row = await findMessage(db.queries, applicationId, idOrEventId);
  if (row === undefined) throw notFound('Message not found');
  return row;
}

function registerCreate(api: Api, deps: ApiDeps, payloadCheck: PayloadCheck): void {
  api.post(
    createPath,
    {
      config: { ...publishing, repeatable: true },
      schema: { params: ApplicationParams, querystring: ContentQuery, body: MessageIn },
      preValidation: (request, _reply, done) => {
        tidyBody(request.body);
        done();
      },
    },
    async (request, reply) => {
      const { body, bodyBytes, environmentId, headers } = request;
      const message = readMessage(body, bodyBytes, deps.clock.now());
      const checking = payloadCheck.check(environmentId, { ...message, place: payloadPlace(body) });
      // Not awaited when there is nothing to wait for.
      if (checking) await checking;
      const keeping = checkDeliverAt(deps, environmentId, message);
      if (keeping) await keeping;
      const named = { environmentId, application: request.params.app, ...message };
      const idempotency = idempotencyWith(idempotencyKeyOf(headers), createPath, bodyBytes);
      const acceptance = await acceptMessage(deps, { ...named, ...idempotency }, body);
      if (acceptance.kind !== 'accepted') throw refusalOf(acceptance);
      const withContent = request.query.with_content ?? true;
      const content = withContent ? acceptedContent(body, message.payload) : withoutContent;
      return reply
        .code(202)
        .type(jsonContentType)
        .send(createdText(acceptance, message, content));
    },
  );
}

export function registerMessageRoutes(api: Api, deps: ApiDeps, payloadCheck: PayloadCheck): void {
  const { queries } = deps.db;
  registerCreate(api, deps, payloadCheck);

  api.get(
    '/api/v1/app/:app/msg',
    { config: viewing, schema: { params: ApplicationParams, querystring: ListQuery } },
    async (request, reply) => {
      const { query } = request;
      const page = parsePage(query, { order: 'descending', key: idPrefix });
      const filter = messageFilterOf(query);
      const { id: applicationId } = await resolveApplication(deps, request.environmentId, request.params.app);
      const rows = await listMessages(queries, applicationId, filter, page.keyset);
      const scope = { applicationId, withContent: query.with_content ?? true };
      return reply.type(jsonContentType).send(await messageListText(queries, scope, { rows, page }));
    },
  );

  api.get(
    '/api/v1/app/:app/msg/:msg',
    { config: viewing, schema: { params: MessageParams, querystring: ContentQuery } },
    async (request, reply) => {
      const { id: applicationId } = await resolveApplication(deps, request.environmentId, request.params.app);
      const row = await resolveMessage(deps, applicationId, request.params.msg);
      if (request.query.with_content === false) {
        return reply.type(jsonContentType).send(messageText(row, withoutContent));
      }
      const payloads = await findPayloads(queries, applicationId, [row.id]);
      const content = contentText(payloads.get(row.id) ?? null);
      return reply.type(jsonContentType).send(messageText(row, content));
    },
  );

  api.delete(
    '/api/v1/app/:app/msg/:msg/content',
    { config: managing, schema: { params: MessageParams } },
    async (request, reply) => {
      const { id: applicationId } = await resolveApplication(deps, request.environmentId, request.params.app);
      const { id } = await resolveMessage(deps, applicationId, request.params.msg);
      await expungePayloads(queries, applicationId, [id]);
      return reply.code(204).send();
    },
  );
}
