// Transformations over HTTP: the code that changes what an endpoint is sent, and a way to try it.
import Type from 'typebox';
import type { Static } from 'typebox';
import {
  type Transformation,
  type TransformationJob,
  type TransformationResult,
  transformationLimits,
  type WebhookDraft,
} from '../core/transformation.ts';
import { sliceMembers } from '../core/json-slice.ts';
import { checkEndpointUrl } from '../core/url-rules.ts';
import { lockApplication } from '../store/applications.ts';
import {
  changeTransformation as storeChange,
  findTransformation,
} from '../store/endpoint-transformations.ts';
import type { TransformationRow } from '../store/endpoint-transformations.ts';
import { findEndpoint } from '../store/endpoints.ts';
import type { EndpointRow } from '../store/endpoints.ts';
import { transforming } from './access.ts';
import { callerOf } from './auth.ts';
import type { Api, ApiDeps } from './context.ts';
import { checkReach } from './endpoint-kinds.ts';
import { nameText, nullable, StringMap } from './fields.ts';
import { conflict, invalidField, notFound } from './problems.ts';
import { resolveApplication, resolveEndpoint } from './resolve.ts';
import { opaque } from './validation.ts';

const { codeMaxBytes, variablesMaxBytes } = transformationLimits;
const payloadDepthMax = 128;
const exampleEventType = 'example.event';

const EndpointParams = Type.Object({ app: Type.String(), endpoint: Type.String() });
const codeFields = {
  code: Type.Optional(nullable(Type.String({ maxLength: codeMaxBytes }))),
  language: Type.Optional(Type.Union([Type.Literal('javascript'), Type.Literal('jsonata')])),
  variables: Type.Optional(nullable(StringMap)),
};
export const TransformationPatch = Type.Object({ ...codeFields, enabled: Type.Optional(Type.Boolean()) });
const SimulationIn = Type.Object({
  ...codeFields,
  payload: Type.Unknown(opaque),
  eventType: Type.Optional(Type.String(nameText)),
});
type Patch = Static<typeof TransformationPatch>;

function wireTransformation(row: TransformationRow | undefined) {
  return {
    code: row?.code ?? null,
    enabled: row?.enabled ?? false,
    variables: row?.variables ?? null,
    updatedAt: row?.updated_at.toISOString() ?? null,
    language: row?.language ?? 'javascript',
  };
}

/** Throws 422 for what is too large. */
function checkSizes({ code, variables }: Pick<Patch, 'code' | 'variables'>): void {
  const codeBytes = Buffer.byteLength(code ?? '');
  if (codeBytes > codeMaxBytes) {
    throw invalidField('code', `is ${codeBytes} bytes, at most ${codeMaxBytes} are allowed`);
  }
  const variablesBytes = Buffer.byteLength(JSON.stringify(variables ?? {}));
  if (variablesBytes > variablesMaxBytes) {
    throw invalidField(
      'variables',
      `is ${variablesBytes} bytes as JSON, at most ${variablesMaxBytes} are allowed`,
    );
  }
}

/** What the endpoint has, with what the body says instead; undefined when there is no code. */
function transformationOf(
  row: TransformationRow | undefined,
  { code, language, variables }: Omit<Patch, 'enabled'>,
): Transformation | undefined {
  const whole = code === undefined ? row?.code : code;
  if (whole === undefined || whole === null) return undefined;
  return {
    code: whole,
    language: language ?? row?.language ?? 'javascript',
    variables: (variables === undefined ? row?.variables : variables) ?? {},
  };
}

/** Throws 422 for code that cannot run. What says nothing about the code, as a full queue, lets it pass. */
async function checkCode(deps: ApiDeps, job: TransformationJob): Promise<void> {
  const result = await deps.transform(job);
  if (result.kind === 'failed' && result.cause === 'code') {
    throw invalidField('code', `cannot be run: ${result.message}`);
  }
}

export async function readTransformation({ db }: ApiDeps, endpointId: string) {
  return wireTransformation(await findTransformation(db.queries, endpointId));
}

/** Throws 422 for code that cannot run. */
export async function changeTransformation(
  deps: ApiDeps,
  { id, application_id: applicationId }: EndpointRow,
  body: Patch,
): Promise<void> {
  checkSizes(body);
  const row = await findTransformation(deps.db.queries, id);
  const transformation = transformationOf(row, body);
  if (body.enabled === true && transformation === undefined) {
    throw invalidField('enabled', 'there is no code to run: send code along');
  }
  const isNewCode = body.code !== undefined || body.language !== undefined;
  if (isNewCode && transformation) {
    await checkCode(deps, { applicationId, endpointId: id, transformation });
  }
  await deps.db.queries.transaction().execute(async (transaction) => {
    if (!(await lockApplication(transaction, applicationId))) throw notFound('Application not found');
    if (!(await findEndpoint(transaction, applicationId, id))) throw notFound('Endpoint not found');
    await storeChange(transaction, id, body);
  });
}

function wireResult({ urlRules }: ApiDeps, result: TransformationResult, given: WebhookDraft) {
  const { logs, durationMs } = result;
  const failed = (error: string) => ({ status: 'failed', error, webhook: null, logs, durationMs });
  if (result.kind === 'failed') return failed(result.message);
  if (result.kind !== 'transformed')
    return { status: 'cancelled', error: null, webhook: null, logs, durationMs };
  const { method, url, headers, payload } = result.webhook;
  const verdict = checkEndpointUrl(url, urlRules);
  if (!verdict.ok) return failed(`the url of the webhook cannot be delivered to: ${verdict.reason}`);
  const sent: unknown = JSON.parse(Buffer.from(payload ?? given.payload).toString());
  const webhook = { method, url: verdict.url, headers, eventType: given.eventType, payload: sent };
  return { status: 'succeeded', error: null, webhook, logs, durationMs };
}

/** The payload as it stands in the body: of a large one, the parsed body has it empty. */
function payloadOf(bytes: Buffer): Buffer {
  const slices = sliceMembers(bytes, ['payload'], payloadDepthMax);
  const slice = slices === 'too_deep' ? undefined : slices.get('payload');
  if (slice === undefined) throw invalidField('payload', `must not be nested deeper than ${payloadDepthMax}`);
  return bytes.subarray(slice.start, slice.end);
}

async function simulate(
  deps: ApiDeps,
  endpoint: EndpointRow,
  { body, bodyBytes }: { body: Static<typeof SimulationIn>; bodyBytes: Buffer },
) {
  checkSizes(body);
  const transformation = transformationOf(await findTransformation(deps.db.queries, endpoint.id), body);
  if (transformation === undefined) throw conflict('the endpoint has no transformation: send code along');
  const { eventType = exampleEventType } = body;
  const payload = payloadOf(bodyBytes);
  const webhook = { url: endpoint.url, eventType, payload };
  const { id: endpointId, application_id: applicationId } = endpoint;
  const result = await deps.transform({ applicationId, endpointId, transformation, webhook });
  return wireResult(deps, result, webhook);
}

export function registerEndpointTransformationRoutes(api: Api, deps: ApiDeps): void {
  const path = '/api/v1/app/:app/endpoint/:endpoint/transformation';

  const endpointOf = async (environmentId: string, { app, endpoint }: Static<typeof EndpointParams>) => {
    const application = await resolveApplication(deps, environmentId, app);
    return resolveEndpoint(deps, application.id, endpoint);
  };

  api.get(
    path,
    { config: transforming, schema: { params: EndpointParams } },
    async ({ environmentId, params }) => {
      const { id } = await endpointOf(environmentId, params);
      return readTransformation(deps, id);
    },
  );

  api.patch(
    path,
    { config: transforming, schema: { params: EndpointParams, body: TransformationPatch } },
    async (request, reply) => {
      const endpoint = await endpointOf(request.environmentId, request.params);
      checkReach(deps, callerOf(request), endpoint.kind);
      await changeTransformation(deps, endpoint, request.body);
      return reply.code(204).send();
    },
  );

  api.post(
    `${path}/simulate`,
    { config: transforming, schema: { params: EndpointParams, body: SimulationIn } },
    async (request) => {
      const { environmentId, params } = request;
      return simulate(deps, await endpointOf(environmentId, params), request);
    },
  );
}
