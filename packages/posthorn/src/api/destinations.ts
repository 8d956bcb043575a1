// Destinations over HTTP, as the reference has them: endpoints of its types, which get their messages one by one and in
// order. Everything about them can be done by the routes of endpoints, too.
import Type from 'typebox';
import type { Static } from 'typebox';
import { findCurrentSecret, findEndpoint, listDestinations, secretOwner } from '../store/endpoints.ts';
import type { EndpointRow } from '../store/endpoints.ts';
import { findTransformation } from '../store/endpoint-transformations.ts';
import { configuring, transforming, viewing } from './access.ts';
import { callerOf } from './auth.ts';
import type { Api, ApiDeps } from './context.ts';
import { type Config, destinationTypeOf, destinationTypes } from './destination-types.ts';
import { wireDestination } from './destination-wire.ts';
import { openHeaders, wireHeaders } from './endpoint-headers.ts';
import { checkReach } from './endpoint-kinds.ts';
import { rotate, takeSecret } from './endpoint-secrets.ts';
import { changeTransformation } from './endpoint-transformations.ts';
import {
  createEndpoint,
  patchEndpoint,
  removeEndpoint,
  scopeOf,
  type ScopedRequest,
  upsertEndpoint,
} from './endpoints.ts';
import { EndpointIn, EndpointPatch, EndpointUpsertIn, idPrefix } from './endpoint-fields.ts';
import { isName, nullable, oneOf } from './fields.ts';
import { PageQuery, parsePage, toList } from './pagination.ts';
import { ApiError, invalidField, notFound } from './problems.ts';
import { bodyChecker } from './validation.ts';

const typeNames = Object.keys(destinationTypes);
const codeMaxChars = 50 * 1024;

const { uid, metadata } = EndpointIn.properties;
const fields = {
  uid,
  status: Type.Optional(nullable(oneOf(['enabled', 'disabled']))),
  batchSize: Type.Optional(nullable(Type.Integer({ minimum: 1 }))),
  maxWaitSecs: Type.Optional(nullable(Type.Integer({ minimum: 0 }))),
  // The reference's client sends an empty list for "all".
  eventTypes: Type.Optional(nullable(Type.Array(Type.String()))),
  channels: Type.Optional(nullable(Type.Array(Type.String()))),
  metadata,
};
const ConfigIn = Type.Unsafe<Config>(Type.Object({}, { additionalProperties: true }));
const DestinationIn = Type.Object({ ...fields, type: oneOf(typeNames), config: ConfigIn });
const DestinationPatch = Type.Object({
  ...fields,
  type: Type.Optional(oneOf(typeNames)),
  config: Type.Optional(ConfigIn),
});
type DestinationIn = Static<typeof DestinationIn>;
type DestinationPatch = Static<typeof DestinationPatch>;
const TransformationIn = Type.Object({
  code: Type.Optional(nullable(Type.String({ maxLength: codeMaxChars }))),
});
const ListParams = Type.Object({ app: Type.String() });
const Params = Type.Object({ app: Type.String(), destination: Type.String() });

function wireEndpointDestination(row: EndpointRow, headers: object) {
  const type = destinationTypeOf(row) ?? '';
  const config = destinationTypes[type]?.show(row) ?? {};
  return wireDestination(row, {
    type,
    config: type === 'fifoEndpoint' ? { ...config, headers } : config,
    isDisabled: row.disabled,
    failureReason: row.disabled_reason === 'requested' ? null : row.disabled_reason,
  });
}

/** The fields of an endpoint that a destination's body names. Throws 422. */
function endpointBody(body: DestinationPatch, isWhole: boolean): Record<string, unknown> {
  const { type, config, status, batchSize = 1 } = body;
  if (batchSize !== null && batchSize !== 1) {
    throw invalidField('batchSize', 'must be 1: messages are delivered one by one');
  }
  const known = type === undefined ? undefined : destinationTypes[type];
  if (config !== undefined && known === undefined) throw invalidField('type', 'is required with config');
  const named = {
    uid: body.uid,
    metadata: body.metadata,
    eventTypes: someOf(body.eventTypes),
    channels: someOf(body.channels),
    disabled: typeof status === 'string' ? status === 'disabled' : undefined,
    kind: known?.kind,
    ...(isWhole ? { ordering: { mode: 'fifo', onFailure: 'block' } } : {}),
    ...(config === undefined ? {} : known?.read(config, isWhole)),
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}

/** Null for all; undefined when nothing is said. */
function someOf(names: readonly string[] | null | undefined): readonly string[] | null | undefined {
  return names?.length === 0 ? null : names;
}

// What a body came to is checked as if it had come to the routes of endpoints.
const newEndpoint = bodyChecker(EndpointIn);
const wholeEndpoint = bodyChecker(EndpointUpsertIn);
const changedEndpoint = bodyChecker(EndpointPatch);

async function resolveDestination(deps: ApiDeps, applicationId: string, idOrUid: string) {
  const row = isName(idOrUid) ? await findEndpoint(deps.db.queries, applicationId, idOrUid) : undefined;
  if (row === undefined || destinationTypeOf(row) === undefined) throw notFound('Destination not found');
  return row;
}

type DestinationRequest = ScopedRequest & { params: { destination: string } };

async function findDestination(deps: ApiDeps, request: DestinationRequest) {
  const scope = await scopeOf(deps, request);
  return { scope, row: await resolveDestination(deps, scope.applicationId, request.params.destination) };
}

/** As the caller sees it. */
function wire({ box }: ApiDeps, row: EndpointRow, request: Parameters<typeof callerOf>[0]) {
  return wireEndpointDestination(row, wireHeaders(openHeaders(box, row), callerOf(request)));
}

const listPath = '/api/v1/app/:app/destination';
const path = `${listPath}/:destination`;
const one = { params: Params };
const kinds = Object.values(destinationTypes).map(({ kind }) => kind);

function registerReading(api: Api, deps: ApiDeps): void {
  api.get(
    listPath,
    { config: viewing, schema: { params: ListParams, querystring: PageQuery } },
    async (request) => {
      const { applicationId } = await scopeOf(deps, request);
      const page = parsePage(request.query, { order: 'descending', key: idPrefix });
      const rows = await listDestinations(deps.db.queries, applicationId, kinds, page.keyset);
      return toList(
        rows,
        page,
        ({ id }) => id,
        (row) => wire(deps, row, request),
      );
    },
  );

  api.get(path, { config: viewing, schema: one }, async (request) => {
    return wire(deps, (await findDestination(deps, request)).row, request);
  });
}

function registerTransformation(api: Api, deps: ApiDeps): void {
  api.get(`${path}/transformation`, { config: transforming, schema: one }, async (request) => {
    const { row } = await findDestination(deps, request);
    const transformation = await findTransformation(deps.db.queries, row.id);
    return { code: transformation?.code ?? null, enabled: transformation?.enabled ?? false };
  });

  api.patch(
    `${path}/transformation`,
    { config: transforming, schema: { ...one, body: TransformationIn } },
    async (request) => {
      const { row } = await findDestination(deps, request);
      checkReach(deps, callerOf(request), row.kind);
      const code = request.body.code ?? null;
      await changeTransformation(deps, row, { code, enabled: code !== null });
      return {};
    },
  );
}

/** The key that a body gives, checked before anything is changed. Throws 422. */
async function keyOf({ secret }: Record<string, unknown>): Promise<string | undefined> {
  return typeof secret === 'string' ? takeSecret(secret, 'config.key') : undefined;
}

/** The same key again is no rotation. */
async function storeKey(deps: ApiDeps, row: EndpointRow, key: string | undefined): Promise<void> {
  if (key === undefined) return;
  const sealed = await findCurrentSecret(deps.db.queries, row.id);
  const isSame = sealed !== undefined && deps.box.open(sealed, secretOwner(row.id)) === key;
  if (!isSame) await rotate(deps, row, { key });
}

/** A new one with all that is given, at once; undefined when the uid is taken by now, or cannot be one. */
async function makeNamed(
  deps: ApiDeps,
  scope: Awaited<ReturnType<typeof scopeOf>>,
  name: string,
  given: Record<string, unknown>,
): Promise<EndpointRow | undefined> {
  if (!isName(name) || name.startsWith(idPrefix) || (given.uid ?? name) !== name) return undefined;
  try {
    return await createEndpoint(deps, scope, newEndpoint({ ...given, uid: name }));
  } catch (error) {
    if (error instanceof ApiError && error.code === 'conflict') return undefined;
    throw error;
  }
}

/** A body for an endpoint that is there already: its key is stored apart. */
function existingBody(given: Record<string, unknown>): Record<string, unknown> {
  const { secret: _secret, ...rest } = given;
  return rest;
}

export function registerDestinationRoutes(api: Api, deps: ApiDeps): void {
  registerReading(api, deps);
  registerTransformation(api, deps);

  api.post(
    listPath,
    { config: configuring, schema: { params: ListParams, body: DestinationIn } },
    async (request, reply) => {
      const body = newEndpoint(endpointBody(request.body, true));
      const row = await createEndpoint(deps, await scopeOf(deps, request), body);
      return reply.code(201).send(wire(deps, row, request));
    },
  );

  api.put(path, { config: configuring, schema: { ...one, body: DestinationIn } }, async (request, reply) => {
    const scope = await scopeOf(deps, request);
    const { destination } = request.params;
    const existing = await findEndpoint(deps.db.queries, scope.applicationId, destination);
    if (existing && destinationTypeOf(existing) === undefined) throw notFound('Destination not found');
    const given = endpointBody(request.body, true);
    const made = existing ? undefined : await makeNamed(deps, scope, destination, given);
    if (made) return reply.code(201).send(wire(deps, made, request));
    const key = await keyOf(given);
    const body = wholeEndpoint(existingBody(given));
    const { row, created } = await upsertEndpoint(deps, scope, destination, body);
    await storeKey(deps, row, key);
    return reply.code(created ? 201 : 200).send(wire(deps, row, request));
  });

  api.patch(path, { config: configuring, schema: { ...one, body: DestinationPatch } }, async (request) => {
    const { scope, row } = await findDestination(deps, request);
    const { type = destinationTypeOf(row) ?? '', config } = request.body;
    const given = endpointBody({ ...request.body, ...(config === undefined ? {} : { type }) }, false);
    const key = await keyOf(given);
    const patched = await patchEndpoint(deps, scope, row, changedEndpoint(existingBody(given)));
    await storeKey(deps, patched, key);
    return wire(deps, patched, request);
  });

  api.delete(path, { config: configuring, schema: one }, async (request, reply) => {
    const { scope, row } = await findDestination(deps, request);
    await removeEndpoint(deps, scope, row);
    return reply.code(204).send();
  });
}
