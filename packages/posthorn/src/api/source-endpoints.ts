// The endpoints of a source: where its messages go. They are endpoints like any other, reached by the source's name.
import Type from 'typebox';
import type { Static } from 'typebox';
import { listEndpoints } from '../store/endpoints.ts';
import type { EndpointRow } from '../store/endpoints.ts';
import { managing, reading } from './access.ts';
import { callerOf } from './auth.ts';
import type { Api, ApiDeps } from './context.ts';
import { EndpointIn, EndpointPatch, EndpointUpsertIn, idPrefix, wireEndpoint } from './endpoint-fields.ts';
import { changeHeaders, HeadersIn, openHeaders, wireHeaders } from './endpoint-headers.ts';
import { readKey, rotate, RotateIn } from './endpoint-secrets.ts';
import { changeTransformation, readTransformation, TransformationPatch } from './endpoint-transformations.ts';
import { createEndpoint, patchEndpoint, removeEndpoint, upsertEndpoint } from './endpoints.ts';
import { PageQuery, parsePage, toList } from './pagination.ts';
import { AccessIn, giveAccess } from './portal-access.ts';
import { resolveEndpoint } from './resolve.ts';
import { resolveSource, SourceParams, sourcePath } from './sources.ts';

const listPath = `${sourcePath}/:source/endpoint`;
const onePath = `${listPath}/:endpoint`;
const EndpointParams = Type.Object({ source: Type.String(), endpoint: Type.String() });
const one = { params: EndpointParams };

/** For the audit log, too. */
interface Asking {
  environmentId: string;
  auditedApplicationId: string | null;
}

/** Its endpoints are its operator's: only tokens of the environment come here. */
const scopeOf = (applicationId: string) => ({ applicationId, caller: null });

/** The id of the source, which is that of its application. */
async function sourceIdOf(deps: ApiDeps, request: Asking, source: string): Promise<string> {
  const { id } = await resolveSource(deps, request.environmentId, source);
  request.auditedApplicationId = id;
  return id;
}

async function endpointOf(
  deps: ApiDeps,
  request: Asking & { params: Static<typeof EndpointParams> },
): Promise<EndpointRow> {
  const { source, endpoint } = request.params;
  return resolveEndpoint(deps, await sourceIdOf(deps, request, source), endpoint);
}

function registerEndpoints(api: Api, deps: ApiDeps): void {
  api.get(
    listPath,
    { config: reading, schema: { params: SourceParams, querystring: PageQuery } },
    async (request) => {
      const page = parsePage(request.query, { order: 'descending', key: idPrefix });
      const id = await sourceIdOf(deps, request, request.params.source);
      const rows = await listEndpoints(deps.db.queries, id, page.keyset);
      return toList(rows, page, (row) => row.id, wireEndpoint);
    },
  );

  api.post(
    listPath,
    { config: managing, schema: { params: SourceParams, body: EndpointIn } },
    async (request, reply) => {
      const id = await sourceIdOf(deps, request, request.params.source);
      return reply.code(201).send(wireEndpoint(await createEndpoint(deps, scopeOf(id), request.body)));
    },
  );

  api.get(onePath, { config: reading, schema: one }, async (request) =>
    wireEndpoint(await endpointOf(deps, request)),
  );

  api.put(
    onePath,
    { config: managing, schema: { ...one, body: EndpointUpsertIn } },
    async (request, reply) => {
      const { source, endpoint } = request.params;
      const id = await sourceIdOf(deps, request, source);
      const { row, created } = await upsertEndpoint(deps, scopeOf(id), endpoint, request.body);
      return reply.code(created ? 201 : 200).send(wireEndpoint(row));
    },
  );

  api.patch(onePath, { config: managing, schema: { ...one, body: EndpointPatch } }, async (request) => {
    const row = await endpointOf(deps, request);
    return wireEndpoint(await patchEndpoint(deps, scopeOf(row.application_id), row, request.body));
  });

  api.delete(onePath, { config: managing, schema: one }, async (request, reply) => {
    const row = await endpointOf(deps, request);
    await removeEndpoint(deps, scopeOf(row.application_id), row);
    return reply.code(204).send();
  });
}

function registerSecrets(api: Api, deps: ApiDeps): void {
  api.get(`${onePath}/secret`, { config: { ...managing, audited: true }, schema: one }, async (request) => {
    const { id } = await endpointOf(deps, request);
    return { key: await readKey(deps, id) };
  });

  api.post(
    `${onePath}/secret/rotate`,
    { config: managing, schema: { ...one, body: RotateIn } },
    async (request, reply) => {
      await rotate(deps, await endpointOf(deps, request), request.body);
      return reply.code(204).send();
    },
  );
}

function registerHeaders(api: Api, deps: ApiDeps): void {
  api.get(`${onePath}/headers`, { config: reading, schema: one }, async (request) => {
    const endpoint = await endpointOf(deps, request);
    return wireHeaders(openHeaders(deps.box, endpoint), callerOf(request));
  });

  api.put(
    `${onePath}/headers`,
    { config: managing, schema: { ...one, body: HeadersIn } },
    async (request, reply) => {
      const { id, application_id } = await endpointOf(deps, request);
      await changeHeaders(deps, application_id, id, () => request.body.headers);
      return reply.code(204).send();
    },
  );
}

function registerTransformations(api: Api, deps: ApiDeps): void {
  api.get(`${onePath}/transformation`, { config: managing, schema: one }, async (request) => {
    const { id } = await endpointOf(deps, request);
    return readTransformation(deps, id);
  });

  api.patch(
    `${onePath}/transformation`,
    { config: managing, schema: { ...one, body: TransformationPatch } },
    async (request, reply) => {
      await changeTransformation(deps, await endpointOf(deps, request), request.body);
      return reply.code(204).send();
    },
  );
}

function registerPortal(api: Api, deps: ApiDeps): void {
  api.post(
    `${sourcePath}/:source/dashboard`,
    { config: managing, schema: { params: SourceParams, body: AccessIn } },
    async (request) => {
      const { environmentId, params, protocol, host, body } = request;
      const app = await sourceIdOf(deps, request, params.source);
      const asked = { environmentId, app, origin: deps.publicUrl ?? `${protocol}://${host}` };
      const { id, answer } = await giveAccess(deps, asked, body && { ...body, application: null });
      request.auditedObjects = { token: id };
      return answer;
    },
  );
}

export function registerSourceEndpointRoutes(api: Api, deps: ApiDeps): void {
  registerEndpoints(api, deps);
  registerSecrets(api, deps);
  registerHeaders(api, deps);
  registerTransformations(api, deps);
  registerPortal(api, deps);
}
