// The operator's own endpoints over HTTP: they are told of what happens to applications' endpoints and deliveries.
import Type from 'typebox';
import { httpKind } from '../core/endpoint-kind.ts';
import { deleteEndpoint, listEndpoints } from '../store/endpoints.ts';
import type { EndpointRow } from '../store/endpoints.ts';
import { ensureOperationalApplication, findOperationalApplication } from '../store/operational.ts';
import { managing } from './access.ts';
import { callerOf } from './auth.ts';
import type { Api, ApiDeps } from './context.ts';
import { EndpointIn, EndpointUpsertIn } from './endpoint-fields.ts';
import { changeHeaders, HeadersIn, openHeaders, wireHeaders } from './endpoint-headers.ts';
import { readKey, rotate, RotateIn } from './endpoint-secrets.ts';
import { createEndpoint, upsertEndpoint, writing } from './endpoints.ts';
import { PageQuery, parsePage, toList } from './pagination.ts';
import { invalidField, notFound } from './problems.ts';
import { resolveEndpoint } from './resolve.ts';

const idPrefix = 'ep_';
const listPath = '/api/v1/operational-webhook/endpoint';
const path = `${listPath}/:endpoint`;

/** Every event type that there is; docs/api.md says when each comes. */
const operationalEventTypes: readonly string[] = [
  'endpoint.created',
  'endpoint.deleted',
  'endpoint.disabled',
  'endpoint.enabled',
  'endpoint.updated',
  'issue.opened',
  'issue.resolved',
  'message.attempt.exhausted',
  'message.attempt.failing',
  'message.attempt.recovered',
];

// Channels and orders are of no use here: these messages have none, and each stands for itself.
const {
  channels: _channelsIn,
  ordering: _orderingIn,
  kind: _kindIn,
  config: _configIn,
  ...fieldsIn
} = EndpointIn.properties;
const {
  channels: _channels,
  ordering: _ordering,
  kind: _kind,
  config: _config,
  ...upsertFields
} = EndpointUpsertIn.properties;
const url = Type.String({ minLength: 1 });
const OperationalEndpointIn = Type.Object({ ...fieldsIn, url });
const OperationalEndpointUpsertIn = Type.Object({ ...upsertFields, url });
/** They are of kind http: what a body says beside the schema has not been looked at. */
const ofKindHttp = <Body extends object>(body: Body) => ({ ...body, kind: httpKind, config: null });
const Params = Type.Object({ endpoint: Type.String() });

function wireOperationalEndpoint(row: EndpointRow) {
  return {
    id: row.id,
    uid: row.uid,
    url: row.url,
    description: row.description,
    eventTypes: row.event_types,
    filterTypes: row.event_types,
    disabled: row.disabled,
    metadata: row.metadata,
    throttleRate: row.throttle_rate,
    rateLimit: row.throttle_rate,
    signatureStyle: row.signature_style,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** Throws 422 for an event type that never comes. */
function checkEventTypes(body: { eventTypes?: string[] | null; filterTypes?: string[] | null }): void {
  const field = body.eventTypes === undefined ? 'filterTypes' : 'eventTypes';
  const unknown = (body[field] ?? []).find((name) => !operationalEventTypes.includes(name));
  if (unknown === undefined) return;
  throw invalidField(
    field,
    `${unknown} is not an operational event: they are ${operationalEventTypes.join(', ')}`,
  );
}

/** Throws 404 when it is unknown, deleted, or of another environment. */
async function resolveOperationalEndpoint(
  deps: ApiDeps,
  environmentId: string,
  idOrUid: string,
): Promise<EndpointRow> {
  const application = await findOperationalApplication(deps.db.queries, environmentId);
  if (application === undefined) throw notFound('Endpoint not found');
  return resolveEndpoint(deps, application.id, idOrUid);
}

function registerEndpoints(api: Api, deps: ApiDeps): void {
  const { queries } = deps.db;

  api.get(listPath, { config: managing, schema: { querystring: PageQuery } }, async (request) => {
    const page = parsePage(request.query, { order: 'descending', key: idPrefix });
    const application = await findOperationalApplication(queries, request.environmentId);
    const rows = application === undefined ? [] : await listEndpoints(queries, application.id, page.keyset);
    return toList(rows, page, (row) => row.id, wireOperationalEndpoint);
  });

  api.post(
    listPath,
    { config: managing, schema: { body: OperationalEndpointIn } },
    async (request, reply) => {
      checkEventTypes(request.body);
      const application = await ensureOperationalApplication(queries, request.environmentId, deps.newId);
      const scope = { applicationId: application.id, caller: null };
      const row = await createEndpoint(deps, scope, ofKindHttp(request.body));
      deps.onOperationalUse();
      return reply.code(201).send(wireOperationalEndpoint(row));
    },
  );

  api.get(path, { config: managing, schema: { params: Params } }, async (request) => {
    const { environmentId, params } = request;
    return wireOperationalEndpoint(await resolveOperationalEndpoint(deps, environmentId, params.endpoint));
  });

  api.put(
    path,
    { config: managing, schema: { params: Params, body: OperationalEndpointUpsertIn } },
    async (request, reply) => {
      checkEventTypes(request.body);
      const application = await ensureOperationalApplication(queries, request.environmentId, deps.newId);
      const { endpoint } = request.params;
      const scope = { applicationId: application.id, caller: null };
      const { row, created } = await upsertEndpoint(deps, scope, endpoint, ofKindHttp(request.body));
      deps.onOperationalUse();
      return reply.code(created ? 201 : 200).send(wireOperationalEndpoint(row));
    },
  );

  api.delete(path, { config: managing, schema: { params: Params } }, async (request, reply) => {
    const { environmentId, params } = request;
    const { id, application_id } = await resolveOperationalEndpoint(deps, environmentId, params.endpoint);
    const deleted = await writing(deps, application_id, (transaction) => deleteEndpoint(transaction, id));
    if (!deleted) throw notFound('Endpoint not found');
    return reply.code(204).send();
  });
}

function registerSecrets(api: Api, deps: ApiDeps): void {
  api.get(
    `${path}/secret`,
    { config: { ...managing, audited: true }, schema: { params: Params } },
    async (request) => {
      const { environmentId, params } = request;
      const { id } = await resolveOperationalEndpoint(deps, environmentId, params.endpoint);
      return { key: await readKey(deps, id) };
    },
  );

  api.post(
    `${path}/secret/rotate`,
    { config: managing, schema: { params: Params, body: RotateIn } },
    async (request, reply) => {
      const { environmentId, params } = request;
      const endpoint = await resolveOperationalEndpoint(deps, environmentId, params.endpoint);
      await rotate(deps, endpoint, request.body);
      return reply.code(204).send();
    },
  );
}

function registerHeaders(api: Api, deps: ApiDeps): void {
  api.get(`${path}/headers`, { config: managing, schema: { params: Params } }, async (request) => {
    const { environmentId, params } = request;
    const endpoint = await resolveOperationalEndpoint(deps, environmentId, params.endpoint);
    return wireHeaders(openHeaders(deps.box, endpoint), callerOf(request));
  });

  api.put(
    `${path}/headers`,
    { config: managing, schema: { params: Params, body: HeadersIn } },
    async (request, reply) => {
      const { environmentId, params, body } = request;
      const { id, application_id } = await resolveOperationalEndpoint(deps, environmentId, params.endpoint);
      await changeHeaders(deps, application_id, id, () => body.headers);
      return reply.code(204).send();
    },
  );
}

export function registerOperationalWebhookRoutes(api: Api, deps: ApiDeps): void {
  registerEndpoints(api, deps);
  registerSecrets(api, deps);
  registerHeaders(api, deps);
}
