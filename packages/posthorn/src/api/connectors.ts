// Connectors over HTTP: templates for endpoints.
import Type from 'typebox';
import type { Static } from 'typebox';
import {
  deleteConnector,
  findConnector,
  insertConnector,
  listConnectors,
  updateConnector,
} from '../store/connectors.ts';
import type { ConnectorChanges, ConnectorRow } from '../store/connectors.ts';
import { managing } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { checkPathUid, checkUid, isName, nameText, nullable, uidField } from './fields.ts';
import { pageQueryFields, parsePage, toList } from './pagination.ts';
import { conflict, invalidField, notFound } from './problems.ts';

const idPrefix = 'conn_';
const nameMaxChars = 1_024;
const textMaxChars = 65_536;
const transformationMaxChars = 51_200;
const logoMaxChars = 2_048;
const eventTypesMax = 1_000;
const featureFlagsMax = 100;
const listPath = '/api/v1/connector';
const path = `${listPath}/:connector`;
const uidTaken = 'a connector with this uid exists already';

const kinds = [
  'Custom',
  'AgenticCommerceProtocol',
  'CloseCRM',
  'CustomerIO',
  'Discord',
  'Hubspot',
  'Inngest',
  'Loops',
  'Otel',
  'Resend',
  'Salesforce',
  'Segment',
  'Sendgrid',
  'Slack',
  'Teams',
  'TriggerDev',
  'Windmill',
  'Zapier',
] as const;

const nameField = Type.String({ minLength: 1, maxLength: nameMaxChars });
const productField = Type.Union([Type.Literal('Dispatch'), Type.Literal('Stream')]);
const transformationField = Type.String({ minLength: 1, maxLength: transformationMaxChars });
const optionalFields = {
  kind: Type.Optional(
    Type.Unsafe<(typeof kinds)[number]>(Type.Union(kinds.map((kind) => Type.Literal(kind)))),
  ),
  logo: Type.Optional(nullable(Type.String({ maxLength: logoMaxChars }))),
  description: Type.Optional(Type.String({ maxLength: textMaxChars })),
  instructions: Type.Optional(Type.String({ maxLength: textMaxChars })),
  allowedEventTypes: Type.Optional(nullable(Type.Array(Type.String(nameText), { maxItems: eventTypesMax }))),
  featureFlags: Type.Optional(nullable(Type.Array(Type.String(nameText), { maxItems: featureFlagsMax }))),
};

export const ConnectorIn = Type.Object({
  name: nameField,
  transformation: transformationField,
  uid: uidField,
  productType: Type.Optional(nullable(productField)),
  ...optionalFields,
});
const ConnectorUpsertIn = Type.Object({
  name: Type.Optional(nameField),
  transformation: transformationField,
  ...optionalFields,
});
const ConnectorPatch = Type.Object({
  name: Type.Optional(nameField),
  transformation: Type.Optional(transformationField),
  ...optionalFields,
});
const Params = Type.Object({ connector: Type.String() });
const ListQuery = Type.Object({ ...pageQueryFields, product_type: Type.Optional(productField) });

export function wireConnector(row: ConnectorRow) {
  return {
    id: row.id,
    orgId: row.environment_id,
    uid: row.uid,
    kind: row.kind,
    name: row.name,
    logo: row.logo,
    description: row.description,
    instructions: row.instructions,
    allowedEventTypes: row.allowed_event_types,
    transformation: row.transformation,
    featureFlags: row.feature_flags,
    productType: row.product,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    transformationUpdatedAt: row.transformation_updated_at.toISOString(),
  };
}

/** Throws 422 unless it is an http or https URL: consoles show it as an image. */
function checkLogo(logo: string | null | undefined): void {
  if (logo === undefined || logo === null) return;
  const protocol = URL.canParse(logo) ? new URL(logo).protocol : '';
  if (!['https:', 'http:'].includes(protocol)) throw invalidField('logo', 'must be an http or https URL');
}

/** The columns that a whole connector sets: what it leaves out gets its default. */
function columnsOf(body: Static<typeof ConnectorUpsertIn>, name: string) {
  checkLogo(body.logo);
  return {
    name,
    kind: body.kind ?? ('Custom' as const),
    logo: body.logo ?? null,
    description: body.description ?? '',
    instructions: body.instructions ?? '',
    allowed_event_types: body.allowedEventTypes ?? null,
    transformation: body.transformation,
    feature_flags: body.featureFlags ?? null,
  };
}

/** A new connector, in any environment. Throws 422. */
export function contentOf(body: Static<typeof ConnectorIn>) {
  checkUid(body.uid, idPrefix);
  return { uid: body.uid ?? null, product: body.productType ?? 'Dispatch', ...columnsOf(body, body.name) };
}

/** The columns that a patch names; null clears, absent leaves alone. */
function changesOf(body: Static<typeof ConnectorPatch>): ConnectorChanges {
  checkLogo(body.logo);
  return {
    ...(body.name === undefined ? {} : { name: body.name }),
    ...(body.kind === undefined ? {} : { kind: body.kind }),
    ...(body.logo === undefined ? {} : { logo: body.logo }),
    ...(body.description === undefined ? {} : { description: body.description }),
    ...(body.instructions === undefined ? {} : { instructions: body.instructions }),
    ...(body.allowedEventTypes === undefined ? {} : { allowed_event_types: body.allowedEventTypes }),
    ...(body.transformation === undefined ? {} : { transformation: body.transformation }),
    ...(body.featureFlags === undefined ? {} : { feature_flags: body.featureFlags }),
  };
}

/** Throws 404 when it is unknown, or of another environment. */
async function resolveConnector(
  { db }: ApiDeps,
  environmentId: string,
  idOrUid: string,
): Promise<ConnectorRow> {
  const row = isName(idOrUid) ? await findConnector(db.queries, environmentId, idOrUid) : undefined;
  if (row === undefined) throw notFound('Connector not found');
  return row;
}

async function update(deps: ApiDeps, { environment_id, id }: ConnectorRow, changes: ConnectorChanges) {
  const row = await updateConnector(deps.db.queries, { environmentId: environment_id, id }, changes);
  if (row === undefined) throw notFound('Connector not found');
  return wireConnector(row);
}

async function upsert(
  deps: ApiDeps,
  environmentId: string,
  idOrUid: string,
  body: Static<typeof ConnectorUpsertIn>,
) {
  checkPathUid(idOrUid, 'connector');
  const { queries } = deps.db;
  const existing = await findConnector(queries, environmentId, idOrUid);
  if (existing !== undefined) {
    const changes = columnsOf(body, body.name ?? existing.name);
    return { connector: await update(deps, existing, changes), created: false };
  }
  if (idOrUid.startsWith(idPrefix)) throw notFound('Connector not found');
  const row = await insertConnector(queries, {
    id: deps.newId(idPrefix),
    environment_id: environmentId,
    uid: idOrUid,
    product: 'Dispatch',
    ...columnsOf(body, body.name ?? idOrUid),
  });
  if (row !== undefined) return { connector: wireConnector(row), created: true };
  // Someone else made it between the two statements: then this is an update of that one.
  const other = await resolveConnector(deps, environmentId, idOrUid);
  const changes = columnsOf(body, body.name ?? other.name);
  return { connector: await update(deps, other, changes), created: false };
}

export function registerConnectorRoutes(api: Api, deps: ApiDeps): void {
  const { db, newId } = deps;

  api.get(listPath, { config: managing, schema: { querystring: ListQuery } }, async (request) => {
    const page = parsePage(request.query, { order: 'ascending', key: idPrefix });
    const { product_type } = request.query;
    const rows = await listConnectors(db.queries, request.environmentId, page.keyset, product_type);
    return toList(rows, page, (row) => row.id, wireConnector);
  });

  api.post(listPath, { config: managing, schema: { body: ConnectorIn } }, async (request, reply) => {
    const row = await insertConnector(db.queries, {
      id: newId(idPrefix),
      environment_id: request.environmentId,
      ...contentOf(request.body),
    });
    if (row === undefined) throw conflict(uidTaken);
    return reply.code(201).send(wireConnector(row));
  });

  api.get(path, { config: managing, schema: { params: Params } }, async (request) =>
    wireConnector(await resolveConnector(deps, request.environmentId, request.params.connector)),
  );

  api.put(
    path,
    { config: managing, schema: { params: Params, body: ConnectorUpsertIn } },
    async (request, reply) => {
      const { environmentId, params, body } = request;
      const { connector, created } = await upsert(deps, environmentId, params.connector, body);
      return reply.code(created ? 201 : 200).send(connector);
    },
  );

  api.patch(path, { config: managing, schema: { params: Params, body: ConnectorPatch } }, async (request) => {
    const existing = await resolveConnector(deps, request.environmentId, request.params.connector);
    return update(deps, existing, changesOf(request.body));
  });

  api.delete(path, { config: managing, schema: { params: Params } }, async (request, reply) => {
    const { environmentId, params } = request;
    const { id } = await resolveConnector(deps, environmentId, params.connector);
    if (!(await deleteConnector(db.queries, environmentId, id))) throw notFound('Connector not found');
    return reply.code(204).send();
  });
}
