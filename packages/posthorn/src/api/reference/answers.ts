// The schemas of successful answers, by route. They describe, and check nothing at run time: that every answer is so,
// and has no member that is not here, is what test/svix-operations.test.ts sees to.
import Type from 'typebox';
import type { TProperties, TSchema } from 'typebox';
import { nullable, StringMap, TimeText } from '../fields.ts';
import { administrationAnswers } from './administration-answers.ts';
import { issueAnswers } from './issue-answers.ts';
import { sourceAnswers } from './source-answers.ts';

/** By status; null for an answer without a body. */
export type Answers = Readonly<Record<string, object | null>>;

const text = Type.String();
const integer = Type.Integer();
const boolean = Type.Boolean();
const nullableText = nullable(text);
const nullableTexts = nullable(Type.Array(text));
const nullableInteger = nullable(integer);
const nullableTime = nullable(TimeText);

function named(title: string, fields: TProperties): TSchema {
  return Type.Object(fields, { title });
}

const times = { createdAt: TimeText, updatedAt: TimeText };

const ApplicationOut = named('ApplicationOut', {
  id: text,
  uid: nullableText,
  name: text,
  metadata: StringMap,
  throttleRate: nullableInteger,
  rateLimit: nullableInteger,
  ...times,
});

const endpointFields = {
  id: text,
  uid: nullableText,
  kind: Type.String({ description: '`http`, or what is done instead of a signed request' }),
  url: Type.String({ description: 'Of another kind than `http`: where deliveries go, in words' }),
  config: Type.Unknown({ description: 'Of another kind than `http`: its configuration without the secrets' }),
  description: text,
  eventTypes: nullableTexts,
  filterTypes: nullableTexts,
  channels: nullableTexts,
  disabled: boolean,
  disabledReason: nullableText,
  disabledAt: nullableTime,
  metadata: StringMap,
  throttleRate: nullableInteger,
  rateLimit: nullableInteger,
  retrySchedule: Type.Union([Type.Array(integer), Type.Null()], {
    description: 'Seconds before each retry; null for the schedule of the server',
  }),
  timeoutSeconds: nullableInteger,
  signatureStyle: Type.Union([
    Type.Literal('standard'),
    Type.Literal('svix'),
    Type.Literal('both'),
    Type.Literal('custom'),
  ]),
  signatureHeaders: nullable(Type.Object({ id: text, timestamp: text, signature: text })),
  auth: nullable(Type.Object({ type: text, fields: Type.Array(text) })),
  ordering: nullable(
    Type.Object({
      mode: Type.Literal('fifo'),
      onFailure: Type.Union([Type.Literal('block'), Type.Literal('skip')]),
    }),
  ),
  filter: Type.Union([text, Type.Null()], { description: 'A CEL expression' }),
  version: integer,
  ...times,
};
const EndpointOut = named('EndpointOut', endpointFields);

const DestinationOut = named('DestinationOut', {
  id: text,
  uid: nullableText,
  type: text,
  config: Type.Unknown({ description: 'Without its secrets' }),
  status: Type.Union([Type.Literal('enabled'), Type.Literal('disabled')]),
  currentIterator: text,
  failureReason: nullableText,
  nextRetryAt: nullableTime,
  batchSize: integer,
  maxWaitSecs: integer,
  eventTypes: Type.Array(text),
  channels: Type.Array(text),
  metadata: StringMap,
  ...times,
});

const EventTypeOut = named('EventTypeOut', {
  name: text,
  description: text,
  schemas: Type.Unknown({ description: 'A JSON Schema for each version, or null' }),
  archived: boolean,
  deprecated: boolean,
  groupName: nullableText,
  featureFlags: nullableTexts,
  featureFlag: nullableText,
  validation: Type.Union([Type.Literal('none'), Type.Literal('reject')]),
  ...times,
});

const EventTypeFromOpenApi = named('EventTypeFromOpenApi', {
  name: text,
  description: text,
  schemas: Type.Unknown({ description: 'A JSON Schema for each version, or null' }),
  deprecated: boolean,
  groupName: nullableText,
  featureFlags: nullableTexts,
});
const ImportOut = named('EventTypeImportOpenApiOut', {
  data: Type.Object({
    modified: Type.Array(text),
    to_modify: nullable(Type.Array(EventTypeFromOpenApi)),
    archived: Type.Array(text),
    to_archive: nullableTexts,
  }),
});

const EnvironmentOut = named('EnvironmentOut', {
  version: integer,
  createdAt: TimeText,
  eventTypes: Type.Array(EventTypeOut),
  settings: Type.Object({
    unknownEventTypes: Type.Union([Type.Literal('accept'), Type.Literal('reject')]),
    messageRetentionDays: integer,
    attemptRetentionDays: integer,
  }),
  connectors: Type.Array(Type.Unknown()),
});

const messageFields = {
  id: text,
  eventType: text,
  eventId: nullableText,
  channels: nullableTexts,
  tags: nullableTexts,
  deliverAt: nullableTime,
  timestamp: TimeText,
  payload: Type.Unknown({
    description: 'As it was sent; `{}` when it was not asked for, `{"expired":true}` when it was deleted',
  }),
};
const MessageOut = named('MessageOut', messageFields);

const statusFields = {
  status: Type.Integer({ description: '0 success, 1 pending, 2 fail, 3 sending, 4 canceled' }),
  statusText: text,
};
const standing = {
  ...statusFields,
  nextAttempt: nullableTime,
  cancelReason: nullableText,
  cancelDetail: Type.Union([text, Type.Null()], { description: 'Why the delivery is canceled' }),
};

const AttemptOut = named('MessageAttemptOut', {
  id: text,
  msgId: text,
  endpointId: text,
  url: text,
  response: Type.String({ description: 'The body of the answer, or why there was none' }),
  responseStatusCode: Type.Integer({ description: '0 without an answer' }),
  responseDurationMs: integer,
  responseHeaders: nullable(StringMap),
  responseTruncated: boolean,
  ...statusFields,
  outcome: Type.Union([Type.Literal('accepted'), Type.Literal('rejected'), Type.Literal('unreachable')]),
  reason: nullableText,
  detail: Type.Union([text, Type.Null()], { description: 'What failed, and what to do' }),
  triggerType: Type.Integer({ description: '0 for the schedule, 1 for a resend' }),
  timestamp: TimeText,
  msg: Type.Optional(MessageOut),
});

const tokenFields = {
  id: text,
  name: text,
  createdAt: TimeText,
  expiresAt: nullableTime,
  revokedAt: nullableTime,
};
const TokenOut = named('TokenOut', tokenFields);
const TokenCreatedOut = named('TokenCreatedOut', {
  ...tokenFields,
  token: Type.String({ description: 'The text of the token, in this answer only' }),
});

const SecretOut = named('EndpointSecretOut', {
  key: Type.String({ description: '`whsec_…`, or the public key `whpk_…` of an Ed25519 secret' }),
});
const HeadersOut = named('EndpointHeadersOut', {
  headers: StringMap,
  sensitive: Type.Array(text, { description: 'The headers whose values are not shown' }),
});
const language = Type.Union([Type.Literal('javascript'), Type.Literal('jsonata')]);
const TransformationOut = named('EndpointTransformationOut', {
  code: nullableText,
  enabled: boolean,
  variables: nullable(StringMap),
  updatedAt: nullableTime,
  language,
});
const SimulationOut = named('TransformationSimulationOut', {
  status: Type.Union([Type.Literal('succeeded'), Type.Literal('failed'), Type.Literal('cancelled')]),
  error: nullableText,
  webhook: nullable(
    Type.Object({
      method: text,
      url: text,
      headers: StringMap,
      eventType: text,
      payload: Type.Unknown({ description: 'What would be sent' }),
    }),
  ),
  logs: Type.Array(text, { description: 'What the code wrote to its console' }),
  durationMs: integer,
});
const BatchItem = named('MessageBatchItem', {
  status: Type.Integer({ description: '202 when the message was accepted' }),
  message: Type.Optional(MessageOut),
  code: Type.Optional(text),
  detail: Type.Optional(Type.Unknown()),
});

const PollerMessageOut = named('PollingEndpointMessageOut', {
  ...messageFields,
  headers: Type.Object({ 'content-type': nullableText }),
});
const OffsetMessageOut = named('PollerV2MessageOut', {
  ...messageFields,
  headers: Type.Object({ 'content-type': nullableText }),
  offset: Type.Integer({ description: 'Counts what the consumer was handed' }),
});
const pollerFields = {
  id: text,
  uid: nullableText,
  description: text,
  eventTypes: nullableTexts,
  channels: nullableTexts,
  metadata: StringMap,
  ...times,
};
const PollerOut = named('PollerOut', pollerFields);
const PollerMade = named('PollerMadeOut', {
  ...pollerFields,
  token: Type.String({ description: 'Fetches from this poller; in this answer only' }),
});
const polled: Answers = {
  200: named('PollingEndpointOut', { data: Type.Array(PollerMessageOut), iterator: text, done: boolean }),
};

function listOf(item: TSchema, name: string): Answers {
  const fields = {
    data: Type.Array(item),
    iterator: nullableText,
    prevIterator: nullableText,
    done: Type.Boolean({ description: 'Nothing follows now' }),
  };
  return { 200: named(`ListResponse${name}`, fields) };
}

const endpoint = '/app/{}/endpoint/{}';
const message = '/app/{}/msg/{}';
const done: Answers = { 204: null };
const attempts = listOf(AttemptOut, 'MessageAttemptOut');
const ok = (schema: TSchema): Answers => ({ 200: schema });
const made = (schema: TSchema): Answers => ({ 201: schema });
const madeOrFound = (schema: TSchema): Answers => ({ 200: schema, 201: schema });

const answers: Readonly<Record<string, Answers>> = {
  'GET /health': done,
  'GET /health/ping': done,
  'GET /openapi.json': ok(named('OpenApi', { openapi: text })),
  'GET /token': listOf(TokenOut, 'TokenOut'),
  'POST /token': made(TokenCreatedOut),
  'DELETE /token/{}': done,
  'GET /event-type': listOf(EventTypeOut, 'EventTypeOut'),
  'POST /event-type': made(EventTypeOut),
  'GET /event-type/{}': ok(EventTypeOut),
  'PUT /event-type/{}': madeOrFound(EventTypeOut),
  'PATCH /event-type/{}': ok(EventTypeOut),
  'DELETE /event-type/{}': done,
  'POST /event-type/import/openapi': ok(ImportOut),
  'GET /event-type/openapi.json': ok(named('OpenApi', { openapi: text })),
  'POST /environment/export': ok(EnvironmentOut),
  'POST /environment/import': done,
  'GET /app': listOf(ApplicationOut, 'ApplicationOut'),
  'POST /app': madeOrFound(ApplicationOut),
  'GET /app/{}': ok(ApplicationOut),
  'PUT /app/{}': madeOrFound(ApplicationOut),
  'PATCH /app/{}': ok(ApplicationOut),
  'DELETE /app/{}': done,
  'GET /app/{}/endpoint': listOf(EndpointOut, 'EndpointOut'),
  'POST /app/{}/endpoint': made(EndpointOut),
  [`GET ${endpoint}`]: ok(EndpointOut),
  [`PUT ${endpoint}`]: madeOrFound(EndpointOut),
  [`PATCH ${endpoint}`]: ok(EndpointOut),
  [`DELETE ${endpoint}`]: done,
  [`GET ${endpoint}/secret`]: ok(SecretOut),
  [`POST ${endpoint}/secret/rotate`]: done,
  [`GET ${endpoint}/headers`]: ok(HeadersOut),
  [`PUT ${endpoint}/headers`]: done,
  [`PATCH ${endpoint}/headers`]: done,
  [`POST ${endpoint}/send-example`]: ok(MessageOut),
  [`GET ${endpoint}/transformation`]: ok(TransformationOut),
  [`PATCH ${endpoint}/transformation`]: done,
  [`POST ${endpoint}/transformation/simulate`]: ok(SimulationOut),
  [`GET ${endpoint}/msg`]: listOf(
    named('EndpointMessageOut', { ...messageFields, ...standing }),
    'EndpointMessageOut',
  ),
  'GET /app/{}/destination': listOf(DestinationOut, 'DestinationOut'),
  'POST /app/{}/destination': made(DestinationOut),
  'GET /app/{}/destination/{}': ok(DestinationOut),
  'PUT /app/{}/destination/{}': madeOrFound(DestinationOut),
  'PATCH /app/{}/destination/{}': ok(DestinationOut),
  'DELETE /app/{}/destination/{}': done,
  'GET /app/{}/destination/{}/transformation': ok(
    named('DestinationTransformationOut', { code: nullableText, enabled: boolean }),
  ),
  'PATCH /app/{}/destination/{}/transformation': ok(named('EmptyResponse', {})),
  'GET /app/{}/polling-endpoint': listOf(PollerOut, 'PollerOut'),
  'POST /app/{}/polling-endpoint': made(PollerMade),
  'GET /app/{}/polling-endpoint/{}': ok(PollerOut),
  'PATCH /app/{}/polling-endpoint/{}': ok(PollerOut),
  'DELETE /app/{}/polling-endpoint/{}': done,
  'POST /app/{}/polling-endpoint/{}/token/rotate': ok(named('PollerTokenOut', { token: text })),
  'GET /app/{}/polling-endpoint/{}/consumer/{}': ok(
    named('PollerV2PollOut', { data: Type.Array(OffsetMessageOut), done: boolean }),
  ),
  'POST /app/{}/polling-endpoint/{}/consumer/{}/commit': done,
  'GET /app/{}/poller/{}': polled,
  'GET /app/{}/poller/{}/consumer/{}': polled,
  'POST /app/{}/poller/{}/consumer/{}/seek': ok(named('PollingEndpointConsumerSeekOut', { iterator: text })),
  'POST /app/{}/msg/precheck/active': ok(named('MessagePrecheckOut', { active: boolean })),
  'GET /app/{}/msg': listOf(MessageOut, 'MessageOut'),
  'POST /app/{}/msg': { 202: MessageOut },
  'POST /app/{}/msg/batch': { 202: named('MessageBatchOut', { data: Type.Array(BatchItem) }) },
  [`GET ${message}`]: ok(MessageOut),
  [`DELETE ${message}/content`]: done,
  [`GET ${message}/endpoint`]: listOf(
    named('MessageEndpointOut', { ...endpointFields, ...standing }),
    'MessageEndpointOut',
  ),
  [`GET ${message}/attempt/{}`]: ok(AttemptOut),
  [`DELETE ${message}/attempt/{}/content`]: done,
  [`POST ${message}/endpoint/{}/resend`]: { 202: named('EmptyResponse', {}) },
  'GET /app/{}/attempt/endpoint/{}': attempts,
  'GET /app/{}/attempt/msg/{}': attempts,
  ...administrationAnswers({ EndpointOut, DestinationOut, SecretOut, HeadersOut, listOf }),
  ...issueAnswers(listOf),
  ...sourceAnswers({ EndpointOut, SecretOut, HeadersOut, TransformationOut, listOf }),
};

/** The answers of the route with this key (`routeKey`); undefined when the table does not have it. */
export function knownAnswers(key: string): Answers | undefined {
  return answers[key];
}
