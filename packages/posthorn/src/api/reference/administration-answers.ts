// The answers of what stands around messages: background tasks, statistics, tokens, the audit log, operational webhooks,
// connectors, integrations and subscriptions.
import Type from 'typebox';
import type { TProperties, TSchema } from 'typebox';
import { capabilities } from '../../core/access.ts';
import { nullable, oneOf, StringMap, TimeText } from '../fields.ts';

type Answers = Readonly<Record<string, object | null>>;

const text = Type.String();
const integer = Type.Integer();
const nullableText = nullable(text);
const nullableTexts = nullable(Type.Array(text));
const nullableInteger = nullable(integer);
const times = { createdAt: TimeText, updatedAt: TimeText };

function named(title: string, fields: TProperties): TSchema {
  return Type.Object(fields, { title });
}

const taskFields = {
  id: text,
  status: oneOf(['running', 'finished', 'failed', 'cancelled']),
  task: Type.String({ description: 'What it does, such as `endpoint.recover`' }),
  data: Type.Object({}, { additionalProperties: true, description: 'How far it is, and what came of it' }),
  updatedAt: TimeText,
};
const TaskOut = named('BackgroundTaskOut', taskFields);

const StatsOut = named('EndpointStatsOut', {
  success: integer,
  pending: integer,
  sending: integer,
  fail: integer,
  canceled: integer,
});

const AccessOut = named('AppPortalAccessOut', { url: text, token: text });

const AuditEntryOut = named('AuditEntryOut', {
  id: text,
  timestamp: TimeText,
  tokenId: text,
  tokenName: text,
  applicationId: nullableText,
  method: text,
  route: text,
  objects: StringMap,
  status: Type.Union([integer, Type.Null()], { description: 'Null where the outcome is not known' }),
  requestId: text,
  address: text,
});

const ExpungedOut = named('MessageBulkExpungeOut', {
  results: Type.Object({}, { additionalProperties: oneOf(['expunged', 'not-found']) }),
});

const OperationalEndpointOut = named('OperationalWebhookEndpointOut', {
  id: text,
  uid: nullableText,
  url: text,
  description: text,
  eventTypes: nullableTexts,
  filterTypes: nullableTexts,
  disabled: Type.Boolean(),
  metadata: StringMap,
  throttleRate: nullableInteger,
  rateLimit: nullableInteger,
  signatureStyle: oneOf(['standard', 'svix', 'both', 'custom']),
  ...times,
});

const ConnectorOut = named('ConnectorOut', {
  id: text,
  orgId: Type.String({ description: 'The environment' }),
  uid: nullableText,
  kind: text,
  name: text,
  logo: nullableText,
  description: text,
  instructions: text,
  allowedEventTypes: nullableTexts,
  transformation: text,
  featureFlags: nullableTexts,
  productType: text,
  ...times,
  transformationUpdatedAt: TimeText,
});

const IntegrationOut = named('IntegrationOut', {
  id: text,
  name: text,
  featureFlags: Type.Array(text),
  capabilities: Type.Array(oneOf(capabilities)),
  ...times,
});
const KeyOut = named('IntegrationKeyOut', { key: text });

const AutoconfigOut = named('AutoConfigOut', {
  id: text,
  token: Type.String({ description: 'For AutoConfig of the client; in this answer only' }),
  createdAt: TimeText,
});
const SubscriptionOut = named('AutoconfigSubscriptionOut', {
  id: text,
  tokenCensored: text,
  status: oneOf(['pending', 'active']),
  endpId: nullableText,
  destId: nullableText,
  createdAt: TimeText,
});

const done: Answers = { 204: null };
const started: Answers = { 202: TaskOut };

/** What is described elsewhere and answered here, too. */
interface Described {
  EndpointOut: TSchema;
  DestinationOut: TSchema;
  SecretOut: TSchema;
  HeadersOut: TSchema;
  listOf(item: TSchema, name: string): Answers;
}

export function administrationAnswers(of: Described): Readonly<Record<string, Answers>> {
  const endpoint = '/app/{}/endpoint/{}';
  const operational = '/operational-webhook/endpoint';
  const integration = '/app/{}/integration';
  const autoconfig = '/app/{}/autoconfig';
  return {
    'GET /background-task': of.listOf(TaskOut, 'BackgroundTaskOut'),
    'GET /background-task/{}': { 200: TaskOut },
    'POST /background-task/{}/cancel': { 200: TaskOut },
    [`POST ${endpoint}/recover`]: started,
    [`POST ${endpoint}/replay-missing`]: started,
    [`POST ${endpoint}/bulk-replay`]: started,
    'POST /app/{}/issue/{}/replay': started,
    'POST /app/{}/msg/expunge-all-contents': started,
    'POST /app/{}/msg/bulk-expunge': { 200: ExpungedOut },
    [`GET ${endpoint}/stats`]: { 200: StatsOut },
    'POST /stats/usage/app': {
      202: named('AppUsageStatsOut', { ...taskFields, unresolvedAppIds: Type.Array(text) }),
    },
    'PUT /stats/usage/event-types': { 202: named('AggregateEventTypesOut', taskFields) },
    'GET /audit-log': of.listOf(AuditEntryOut, 'AuditEntryOut'),
    'POST /auth/app-portal-access/{}': { 200: AccessOut },
    'POST /auth/dashboard-access/{}': { 200: AccessOut },
    'POST /auth/app/{}/expire-all': done,
    'POST /auth/logout': done,
    [`GET ${operational}`]: of.listOf(OperationalEndpointOut, 'OperationalWebhookEndpointOut'),
    [`POST ${operational}`]: { 201: OperationalEndpointOut },
    [`GET ${operational}/{}`]: { 200: OperationalEndpointOut },
    [`PUT ${operational}/{}`]: { 200: OperationalEndpointOut, 201: OperationalEndpointOut },
    [`DELETE ${operational}/{}`]: done,
    [`GET ${operational}/{}/secret`]: { 200: of.SecretOut },
    [`POST ${operational}/{}/secret/rotate`]: done,
    [`GET ${operational}/{}/headers`]: { 200: of.HeadersOut },
    [`PUT ${operational}/{}/headers`]: done,
    'GET /connector': of.listOf(ConnectorOut, 'ConnectorOut'),
    'POST /connector': { 201: ConnectorOut },
    'GET /connector/{}': { 200: ConnectorOut },
    'PUT /connector/{}': { 200: ConnectorOut, 201: ConnectorOut },
    'PATCH /connector/{}': { 200: ConnectorOut },
    'DELETE /connector/{}': done,
    [`GET ${integration}`]: of.listOf(IntegrationOut, 'IntegrationOut'),
    [`POST ${integration}`]: { 201: IntegrationOut },
    [`GET ${integration}/{}`]: { 200: IntegrationOut },
    [`PUT ${integration}/{}`]: { 200: IntegrationOut },
    [`DELETE ${integration}/{}`]: done,
    [`GET ${integration}/{}/key`]: { 200: KeyOut },
    [`POST ${integration}/{}/key/rotate`]: { 200: KeyOut },
    [`POST ${autoconfig}`]: { 201: AutoconfigOut },
    [`GET ${autoconfig}/{}`]: { 200: SubscriptionOut },
    [`DELETE ${autoconfig}/{}`]: done,
    [`POST ${autoconfig}/{}/rotate`]: { 200: AutoconfigOut },
    [`PUT ${autoconfig}/{}/endpoint`]: { 200: of.EndpointOut },
    [`PUT ${autoconfig}/{}/destination`]: { 200: of.DestinationOut },
  };
}
