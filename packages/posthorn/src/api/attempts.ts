// Attempts over HTTP: what happened to a message, what an endpoint was sent, and one more try by hand.
import Type from 'typebox';
import type { Static } from 'typebox';
import {
  expungeResponse,
  findAttempt,
  listAttempts,
  listEndpointsOfMessage,
  listMessagesOfEndpoint,
} from '../store/attempts.ts';
import type { AttemptFilter, AttemptRow } from '../store/attempts.ts';
import { findMessages } from '../store/messages.ts';
import type { MessageRow } from '../store/messages.ts';
import { requestResend } from '../store/resend.ts';
import type { ResendResult } from '../store/resend.ts';
import { attempting, managing, viewing } from './access.ts';
import {
  responseStatusOf,
  statesOfStatus,
  statesShownAs,
  statusNumberMax,
  wireAttempt,
  wireDeliveryStatus,
} from './attempt-wire.ts';
import type { Api, ApiDeps } from './context.ts';
import { wireEndpoint } from './endpoint-fields.ts';
import { messageFilterFields, messageFilterOf, statusClassField } from './message-query.ts';
import { jsonContentType, messageListText } from './message-wire.ts';
import { resolveMessage } from './messages.ts';
import { PageQuery, parsePage, toList } from './pagination.ts';
import type { Page } from './pagination.ts';
import { ApiError, notFound } from './problems.ts';
import { resolveApplication, resolveEndpoint } from './resolve.ts';

const attemptIdPrefix = 'atmpt_';

const MessageParams = Type.Object({ app: Type.String(), msg: Type.String() });
const EndpointParams = Type.Object({ app: Type.String(), endpoint: Type.String() });
const AttemptParams = Type.Object({ app: Type.String(), msg: Type.String(), attempt: Type.String() });
const ResendParams = Type.Object({ app: Type.String(), msg: Type.String(), endpoint: Type.String() });

const statusField = { status: Type.Optional(Type.Integer({ minimum: 0, maximum: statusNumberMax })) };
const attemptFilterFields = {
  ...messageFilterFields,
  ...statusField,
  status_code_class: Type.Optional(statusClassField),
};
const AttemptsOfEndpointQuery = Type.Object({
  ...attemptFilterFields,
  with_msg: Type.Optional(Type.Boolean()),
});
const AttemptsOfMessageQuery = Type.Object({
  ...attemptFilterFields,
  endpoint_id: Type.Optional(Type.String()),
});
const MessagesOfEndpointQuery = Type.Object({
  ...messageFilterFields,
  ...statusField,
  expanded_statuses: Type.Optional(Type.Boolean()),
});

type AttemptQuery = Static<typeof AttemptsOfEndpointQuery> | Static<typeof AttemptsOfMessageQuery>;

/** Undefined when nothing can match: an attempt is a success or a failure, never pending, sending or canceled. */
function attemptFilterOf(query: AttemptQuery): AttemptFilter | undefined {
  const { status, status_code_class: statusClass } = query;
  const states = status === undefined ? undefined : statesOfStatus(status);
  if (states !== undefined && !states.includes('succeeded') && !states.includes('exhausted'))
    return undefined;
  return {
    ...messageFilterOf(query),
    accepted: states?.includes('succeeded'),
    responseStatus: statusClass === undefined ? undefined : responseStatusOf(statusClass),
  };
}

interface Target {
  applicationId: string;
  endpointId?: string | undefined;
  messageId?: string | undefined;
}

async function readAttempts(
  { db }: ApiDeps,
  { applicationId, ...target }: Target,
  query: AttemptQuery,
): Promise<{ rows: AttemptRow[]; page: Page }> {
  const page = parsePage(query, { order: 'descending', key: attemptIdPrefix });
  const filter = attemptFilterOf(query);
  if (filter === undefined) return { rows: [], page };
  const scope = { applicationId, withContent: query.with_content ?? true };
  return { rows: await listAttempts(db.queries, scope, { ...filter, ...target }, page.keyset), page };
}

async function messagesOf(
  { db }: ApiDeps,
  applicationId: string,
  attempts: readonly AttemptRow[],
): Promise<Map<string, MessageRow>> {
  const ids = [...new Set(attempts.map((attempt) => attempt.message_id))];
  return findMessages(db.queries, applicationId, ids);
}

function registerAttemptLists(api: Api, deps: ApiDeps): void {
  api.get(
    '/api/v1/app/:app/attempt/endpoint/:endpoint',
    { config: viewing, schema: { params: EndpointParams, querystring: AttemptsOfEndpointQuery } },
    async ({ environmentId, params, query }) => {
      const { id: applicationId } = await resolveApplication(deps, environmentId, params.app);
      const { id: endpointId } = await resolveEndpoint(deps, applicationId, params.endpoint);
      const { rows, page } = await readAttempts(deps, { applicationId, endpointId }, query);
      const messages = query.with_msg === true ? await messagesOf(deps, applicationId, rows) : undefined;
      const wireOf = (row: AttemptRow) => wireAttempt(row, messages?.get(row.message_id));
      return toList(rows, page, (row) => row.id, wireOf);
    },
  );

  api.get(
    '/api/v1/app/:app/attempt/msg/:msg',
    { config: viewing, schema: { params: MessageParams, querystring: AttemptsOfMessageQuery } },
    async ({ environmentId, params, query }) => {
      const { id: applicationId } = await resolveApplication(deps, environmentId, params.app);
      const { id: messageId } = await resolveMessage(deps, applicationId, params.msg);
      const endpoint =
        query.endpoint_id === undefined
          ? undefined
          : await resolveEndpoint(deps, applicationId, query.endpoint_id);
      const target = { applicationId, messageId, endpointId: endpoint?.id };
      const { rows, page } = await readAttempts(deps, target, query);
      return toList(
        rows,
        page,
        (row) => row.id,
        (row) => wireAttempt(row),
      );
    },
  );
}

function registerDeliveryLists(api: Api, deps: ApiDeps): void {
  const { queries } = deps.db;

  api.get(
    '/api/v1/app/:app/endpoint/:endpoint/msg',
    { config: viewing, schema: { params: EndpointParams, querystring: MessagesOfEndpointQuery } },
    async ({ environmentId, params, query }, reply) => {
      const page = parsePage(query, { order: 'descending', key: 'msg_' });
      const expanded = query.expanded_statuses ?? true;
      const states = query.status === undefined ? undefined : statesShownAs(query.status, expanded);
      const filter = { ...messageFilterOf(query), states };
      const { id: applicationId } = await resolveApplication(deps, environmentId, params.app);
      const { id: endpointId } = await resolveEndpoint(deps, applicationId, params.endpoint);
      const rows = await listMessagesOfEndpoint(queries, { applicationId, endpointId }, filter, page.keyset);
      const scope = { applicationId, withContent: query.with_content ?? true };
      const text = await messageListText(queries, scope, { rows, page }, (row) =>
        wireDeliveryStatus(row, expanded),
      );
      return reply.type(jsonContentType).send(text);
    },
  );

  api.get(
    '/api/v1/app/:app/msg/:msg/endpoint',
    { config: viewing, schema: { params: MessageParams, querystring: PageQuery } },
    async ({ environmentId, params, query }) => {
      const page = parsePage(query, { order: 'ascending', key: 'ep_' });
      const { id: applicationId } = await resolveApplication(deps, environmentId, params.app);
      const { id: messageId } = await resolveMessage(deps, applicationId, params.msg);
      const rows = await listEndpointsOfMessage(queries, { applicationId, messageId }, page.keyset);
      return toList(
        rows,
        page,
        (row) => row.id,
        (row) => ({ ...wireEndpoint(row), ...wireDeliveryStatus(row, true) }),
      );
    },
  );
}

function registerSingleAttempt(api: Api, deps: ApiDeps): void {
  const { queries } = deps.db;
  const path = '/api/v1/app/:app/msg/:msg/attempt/:attempt';

  async function keyOf(environmentId: string, params: Static<typeof AttemptParams>) {
    const { id: applicationId } = await resolveApplication(deps, environmentId, params.app);
    const { id: messageId } = await resolveMessage(deps, applicationId, params.msg);
    return { applicationId, messageId, id: params.attempt };
  }

  api.get(path, { config: viewing, schema: { params: AttemptParams } }, async ({ environmentId, params }) => {
    const row = await findAttempt(queries, await keyOf(environmentId, params));
    if (row === undefined) throw notFound('Attempt not found');
    return wireAttempt(row);
  });

  api.delete(
    `${path}/content`,
    { config: managing, schema: { params: AttemptParams } },
    async ({ environmentId, params }, reply) => {
      const found = await expungeResponse(queries, await keyOf(environmentId, params));
      if (!found) throw notFound('Attempt not found');
      return reply.code(204).send();
    },
  );
}

function refusalOf(result: Exclude<ResendResult, 'scheduled'>): ApiError {
  switch (result) {
    case 'no_message':
      return notFound('Message not found');
    case 'no_endpoint':
      return notFound('Endpoint not found');
    case 'endpoint_disabled':
      return new ApiError(
        'endpoint_disabled',
        400,
        'the endpoint is disabled and is sent nothing: enable it (PATCH it with {"disabled": false}), then resend',
      );
    case 'payload_expired':
      return new ApiError('missing_payload', 400, 'the content of this message was deleted or has expired');
    case 'in_progress':
      return new ApiError(
        'delivery_in_progress',
        409,
        'this delivery is being attempted right now: look at its result first',
      );
  }
}

function registerResend(api: Api, deps: ApiDeps): void {
  api.post(
    '/api/v1/app/:app/msg/:msg/endpoint/:endpoint/resend',
    { config: attempting, schema: { params: ResendParams } },
    async ({ environmentId, params }, reply) => {
      const { id: applicationId } = await resolveApplication(deps, environmentId, params.app);
      const { id: messageId } = await resolveMessage(deps, applicationId, params.msg);
      const { id: endpointId } = await resolveEndpoint(deps, applicationId, params.endpoint);
      const result = await requestResend(deps.db.queries, { applicationId, messageId, endpointId });
      if (result !== 'scheduled') throw refusalOf(result);
      deps.wake();
      return reply.code(202).send({});
    },
  );
}

export function registerAttemptRoutes(api: Api, deps: ApiDeps): void {
  registerAttemptLists(api, deps);
  registerDeliveryLists(api, deps);
  registerSingleAttempt(api, deps);
  registerResend(api, deps);
}
