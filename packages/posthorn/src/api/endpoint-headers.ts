// Custom headers of an endpoint's deliveries. They can carry credentials: stored sealed, and those whose names say so
// are written but never read back.
import Type from 'typebox';
import type { Caller } from '../core/access.ts';
import { checkCustomHeaders, checkHeaderValue, forbiddenHeaderReason } from '../core/headers.ts';
import { lockApplication } from '../store/applications.ts';
import { findEndpoint, headersOwner, storeHeaders } from '../store/endpoints.ts';
import type { SecretBox } from '../store/secret-box.ts';
import { configuring, viewing } from './access.ts';
import { callerOf } from './auth.ts';
import type { Api, ApiDeps } from './context.ts';
import { checkWhole } from './endpoint-whole.ts';
import { nullable, StringMap } from './fields.ts';
import { invalid, invalidField, notFound } from './problems.ts';
import type { FieldProblem } from './problems.ts';
import { resolveApplication, resolveEndpoint } from './resolve.ts';

const deleteHeadersMax = 100;
const sensitiveName = /auth|token|secret|passw|credential|api-?key|cookie|session|signature|private/i;

export const HeadersField = StringMap;
export const HeadersIn = Type.Object({ headers: HeadersField });
const HeadersPatch = Type.Object({
  headers: Type.Optional(
    Type.Unsafe<Record<string, string | null>>(
      Type.Object({}, { additionalProperties: nullable(Type.String()) }),
    ),
  ),
  deleteHeaders: Type.Optional(nullable(Type.Array(Type.String(), { maxItems: deleteHeadersMax }))),
});
const EndpointParams = Type.Object({ app: Type.String(), endpoint: Type.String() });

type Headers = Record<string, string>;

function problemsOf(headers: Headers): FieldProblem[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const forbidden = forbiddenHeaderReason(name);
    const msg = forbidden === undefined ? checkHeaderValue(value) : `cannot be set: ${forbidden}`;
    return msg === undefined ? [] : [{ loc: ['body', 'headers', name], msg, type: 'value_error' }];
  });
}

/** What to store for these headers; null for none. Throws 422 that names every header that may not be sent, and why. */
export function sealHeaders(box: SecretBox, endpointId: string, headers: Headers): Buffer | null {
  const problems = problemsOf(headers);
  if (problems.length > 0) throw invalid(problems);
  const wholeProblem = checkCustomHeaders(headers);
  if (wholeProblem !== undefined) throw invalidField('headers', wholeProblem);
  if (Object.keys(headers).length === 0) return null;
  return box.seal(JSON.stringify(headers), headersOwner(endpointId));
}

/** The headers of an endpoint as they were set. */
export function openHeaders(
  box: SecretBox,
  endpoint: { id: string; headers_sealed: Buffer | null },
): Headers {
  if (endpoint.headers_sealed === null) return {};
  return JSON.parse(box.open(endpoint.headers_sealed, headersOwner(endpoint.id))) as Headers;
}

/** Names ignore case: a new spelling replaces the old one. Null removes. */
function patchHeaders(headers: Headers, changes: Record<string, string | null>): Headers {
  const byName = new Map(Object.entries(headers).map((entry) => [entry[0].toLowerCase(), entry]));
  for (const [name, value] of Object.entries(changes)) {
    byName.delete(name.toLowerCase());
    if (value !== null) byName.set(name.toLowerCase(), [name, value]);
  }
  return Object.fromEntries(byName.values());
}

/** Whether a header of this name holds a credential: its value is written and never read back. */
export const isSensitiveName = (name: string): boolean => sensitiveName.test(name);

/** Values are for those who may set them. */
export function wireHeaders(headers: Headers, { rights }: Caller) {
  const mayRead = rights.has('manage') || rights.has('ManageEndpoint');
  const isShown = (name: string) => mayRead && !isSensitiveName(name);
  return {
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => isShown(name))),
    sensitive: Object.keys(headers).filter((name) => !isShown(name)),
  };
}

export async function changeHeaders(
  { db, box, kinds }: ApiDeps,
  applicationId: string,
  endpointId: string,
  change: (current: Headers) => Headers,
): Promise<void> {
  await db.queries.transaction().execute(async (transaction) => {
    if (!(await lockApplication(transaction, applicationId))) throw notFound('Application not found');
    const endpoint = await findEndpoint(transaction, applicationId, endpointId);
    if (endpoint === undefined) throw notFound('Endpoint not found');
    const headers = change(openHeaders(box, endpoint));
    await storeHeaders(transaction, endpointId, sealHeaders(box, endpointId, headers));
    checkWhole(endpoint, kinds, () => headers);
  });
}

export function registerEndpointHeaderRoutes(api: Api, deps: ApiDeps): void {
  const path = '/api/v1/app/:app/endpoint/:endpoint/headers';

  api.get(path, { config: viewing, schema: { params: EndpointParams } }, async (request) => {
    const application = await resolveApplication(deps, request.environmentId, request.params.app);
    const endpoint = await resolveEndpoint(deps, application.id, request.params.endpoint);
    return wireHeaders(openHeaders(deps.box, endpoint), callerOf(request));
  });

  api.put(
    path,
    { config: configuring, schema: { params: EndpointParams, body: HeadersIn } },
    async (request, reply) => {
      const application = await resolveApplication(deps, request.environmentId, request.params.app);
      const endpoint = await resolveEndpoint(deps, application.id, request.params.endpoint);
      await changeHeaders(deps, application.id, endpoint.id, () => request.body.headers);
      return reply.code(204).send();
    },
  );

  api.patch(
    path,
    { config: configuring, schema: { params: EndpointParams, body: HeadersPatch } },
    async (request, reply) => {
      const application = await resolveApplication(deps, request.environmentId, request.params.app);
      const endpoint = await resolveEndpoint(deps, application.id, request.params.endpoint);
      const removed = (request.body.deleteHeaders ?? []).map((name) => [name, null] as const);
      const changes = Object.fromEntries([...removed, ...Object.entries(request.body.headers ?? {})]);
      await changeHeaders(deps, application.id, endpoint.id, (current) => patchHeaders(current, changes));
      return reply.code(204).send();
    },
  );
}
