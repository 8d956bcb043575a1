// The schemas of what the routes of sources answer, by route; answers.ts has those of all others.
import Type from 'typebox';
import type { TSchema } from 'typebox';
import { nullable, StringMap, TimeText } from '../fields.ts';

/** By status; null for an answer without a body. */
type Answers = Readonly<Record<string, object | null>>;

const text = Type.String();
const integer = Type.Integer();
const nullableText = nullable(text);
const nullableInteger = nullable(integer);

const SourceOut = Type.Object(
  {
    id: text,
    uid: nullableText,
    name: text,
    type: text,
    provider: Type.String({ description: 'The provider whose scheme verifies' }),
    config: Type.Object(
      { publicKey: Type.Optional(text) },
      { description: 'What is no secret of what the source was given' },
    ),
    ingestUrl: Type.Union([text, Type.Null()], {
      description: 'Where the provider sends to; null to tokens without the scope manage',
    }),
    metadata: StringMap,
    observe: Type.Boolean(),
    allowedMethods: Type.Array(text),
    bodyMaxBytes: integer,
    rateLimit: nullableInteger,
    toleranceSeconds: nullableInteger,
    deduplicateBy: text,
    validation: text,
    syncTimeoutMs: nullableInteger,
    answer: nullable(Type.Object({ status: integer, contentType: nullableText, body: text })),
    createdAt: TimeText,
    updatedAt: TimeText,
  },
  { title: 'IngestSourceOut' },
);

const requestFields = {
  id: text,
  receivedAt: TimeText,
  verdict: Type.String({ description: 'accepted, unverified, rejected, altered or parked' }),
  reason: nullableText,
  detail: Type.Union([text, Type.Null()], {
    description: 'For the operator; the sender was told nothing of it',
  }),
  cause: Type.Union([text, Type.Null()], { description: 'What is most likely wrong' }),
  advice: Type.Union([text, Type.Null()], { description: 'What to do about it' }),
  method: text,
  query: text,
  address: nullableText,
  bodyBytes: integer,
  deliveryId: nullableText,
  secretId: nullableText,
  messageIds: Type.Array(text),
  duplicates: Type.Integer({ description: 'How often it came again' }),
  duplicateAt: nullable(TimeText),
  replayedAt: nullable(TimeText),
};
const RequestOut = Type.Object(requestFields, { title: 'IngestRequestOut' });
const WholeRequestOut = Type.Object(
  {
    ...requestFields,
    headers: Type.Unsafe<Record<string, string[]>>(
      Type.Object({}, { additionalProperties: Type.Array(text) }),
    ),
    body: nullableText,
    bodyEncoding: Type.Union([Type.Literal('utf8'), Type.Literal('base64'), Type.Null()], {
      description: 'null where the body was not kept',
    }),
  },
  { title: 'IngestWholeRequestOut' },
);
const ReplayOut = Type.Object(
  { verdict: text, reason: nullableText, detail: nullableText, messageIds: Type.Array(text) },
  { title: 'IngestReplayOut' },
);
const SecretsOut = Type.Object(
  {
    data: Type.Array(
      Type.Object({
        id: text,
        key: text,
        learned: Type.Boolean({ description: 'The provider told it in a handshake' }),
        createdAt: TimeText,
        expiresAt: nullable(TimeText),
      }),
    ),
  },
  { title: 'IngestSourceSecretsOut' },
);

const ReconcileOut = Type.Object(
  {
    kind: text,
    hookUrl: text,
    appId: nullableText,
    everyMinutes: integer,
    missing: Type.String({ description: 'fetch or redeliver' }),
    state: Type.String({ description: 'waiting, ok, limited, refused or failed' }),
    problem: Type.Union([text, Type.Null()], { description: 'What went wrong, and what to do' }),
    judgedUntil: Type.String({ format: 'date-time', description: 'All that was delivered before is judged' }),
    judgedCount: integer,
    missingCount: Type.Integer({ description: 'How many had not come in' }),
    ranAt: nullable(TimeText),
    nextAt: TimeText,
    createdAt: TimeText,
    updatedAt: TimeText,
  },
  { title: 'IngestReconcileOut' },
);
const MissingOut = Type.Object(
  {
    eventId: text,
    deliveryId: text,
    eventType: text,
    deliveredAt: TimeText,
    responseStatusCode: Type.Integer({ description: 'What the provider was answered; 0 for nothing' }),
    state: Type.String({ description: 'found, asked, stored, arrived or failed' }),
    tries: integer,
    detail: nullableText,
    foundAt: TimeText,
    updatedAt: TimeText,
  },
  { title: 'IngestMissingOut' },
);

/** What endpoints answer, whoever's they are. */
export interface EndpointAnswers {
  EndpointOut: TSchema;
  SecretOut: TSchema;
  HeadersOut: TSchema;
  TransformationOut: TSchema;
  listOf(item: TSchema, name: string): Answers;
}

export function sourceAnswers(of: EndpointAnswers): Readonly<Record<string, Answers>> {
  const sources = '/ingest/api/v1/source';
  const source = `${sources}/{}`;
  const endpoint = `${source}/endpoint/{}`;
  const ingestUrl = Type.Object({ ingestUrl: text }, { title: 'RotateTokenOut' });
  const access = Type.Object({ url: text, token: text }, { title: 'AppPortalAccessOut' });
  return {
    [`GET ${sources}`]: of.listOf(SourceOut, 'IngestSourceOut'),
    [`POST ${sources}`]: { 201: SourceOut },
    [`GET ${source}`]: { 200: SourceOut },
    [`PUT ${source}`]: { 200: SourceOut, 201: SourceOut },
    [`PATCH ${source}`]: { 200: SourceOut },
    [`DELETE ${source}`]: { 204: null },
    [`POST ${source}/token/rotate`]: { 200: ingestUrl },
    [`POST ${source}/dashboard`]: { 200: access },
    [`GET ${source}/secret`]: { 200: SecretsOut },
    [`POST ${source}/secret/rotate`]: { 204: null },
    [`GET ${source}/request`]: of.listOf(RequestOut, 'IngestRequestOut'),
    [`GET ${source}/request/{}`]: { 200: WholeRequestOut },
    [`POST ${source}/request/{}/replay`]: { 200: ReplayOut },
    [`GET ${source}/reconcile`]: { 200: ReconcileOut },
    [`PUT ${source}/reconcile`]: { 200: ReconcileOut },
    [`DELETE ${source}/reconcile`]: { 204: null },
    [`POST ${source}/reconcile/run`]: { 202: Type.Object({}, { title: 'EmptyResponse' }) },
    [`GET ${source}/reconcile/missing`]: of.listOf(MissingOut, 'IngestMissingOut'),
    [`GET ${source}/endpoint`]: of.listOf(of.EndpointOut, 'EndpointOut'),
    [`POST ${source}/endpoint`]: { 201: of.EndpointOut },
    [`GET ${endpoint}`]: { 200: of.EndpointOut },
    [`PUT ${endpoint}`]: { 200: of.EndpointOut, 201: of.EndpointOut },
    [`PATCH ${endpoint}`]: { 200: of.EndpointOut },
    [`DELETE ${endpoint}`]: { 204: null },
    [`GET ${endpoint}/secret`]: { 200: of.SecretOut },
    [`POST ${endpoint}/secret/rotate`]: { 204: null },
    [`GET ${endpoint}/headers`]: { 200: of.HeadersOut },
    [`PUT ${endpoint}/headers`]: { 204: null },
    [`GET ${endpoint}/transformation`]: { 200: of.TransformationOut },
    [`PATCH ${endpoint}/transformation`]: { 204: null },
  };
}
