// Integrations over HTTP: of an application, each with a key that is stored sealed.
import { randomBytes } from 'node:crypto';
import Type from 'typebox';
import {
  deleteIntegration,
  findIntegration,
  insertIntegration,
  integrationKeyOwner,
  listIntegrations,
  updateIntegration,
} from '../store/integrations.ts';
import type { IntegrationRow } from '../store/integrations.ts';
import { managing } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { nameText } from './fields.ts';
import { PageQuery, parsePage, toList } from './pagination.ts';
import { notFound } from './problems.ts';
import { resolveApplication } from './resolve.ts';

const idPrefix = 'integ_';
const keyPrefix = 'integsk_';
const keyBytes = 32;
const nameMaxChars = 1_024;
const featureFlagsMax = 100;
const listPath = '/api/v1/app/:app/integration';
const path = `${listPath}/:integration`;

const IntegrationIn = Type.Object({
  name: Type.String({ minLength: 1, maxLength: nameMaxChars }),
  featureFlags: Type.Optional(Type.Array(Type.String(nameText), { maxItems: featureFlagsMax })),
});
const ListParams = Type.Object({ app: Type.String() });
const Params = Type.Object({ app: Type.String(), integration: Type.String() });

function wireIntegration(row: IntegrationRow) {
  return {
    id: row.id,
    name: row.name,
    featureFlags: row.feature_flags,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function newKey(): string {
  return keyPrefix + randomBytes(keyBytes).toString('base64url');
}

/** Throws 404 when it is unknown, or of another application. */
async function resolveIntegration(
  deps: ApiDeps,
  environmentId: string,
  { app, integration }: { app: string; integration: string },
): Promise<IntegrationRow> {
  const { id } = await resolveApplication(deps, environmentId, app);
  const row = integration.startsWith(idPrefix)
    ? await findIntegration(deps.db.queries, id, integration)
    : undefined;
  if (row === undefined) throw notFound('Integration not found');
  return row;
}

function registerKeys(api: Api, deps: ApiDeps): void {
  const { db, box } = deps;

  api.get(`${path}/key`, { config: managing, schema: { params: Params } }, async (request) => {
    const { id, key_sealed } = await resolveIntegration(deps, request.environmentId, request.params);
    return { key: box.open(key_sealed, integrationKeyOwner(id)) };
  });

  api.post(`${path}/key/rotate`, { config: managing, schema: { params: Params } }, async (request) => {
    const { id, application_id } = await resolveIntegration(deps, request.environmentId, request.params);
    const key = newKey();
    const changes = { key_sealed: box.seal(key, integrationKeyOwner(id)) };
    const row = await updateIntegration(db.queries, { applicationId: application_id, id }, changes);
    if (row === undefined) throw notFound('Integration not found');
    return { key };
  });
}

export function registerIntegrationRoutes(api: Api, deps: ApiDeps): void {
  const { db, box, newId } = deps;
  registerKeys(api, deps);

  api.get(
    listPath,
    { config: managing, schema: { params: ListParams, querystring: PageQuery } },
    async (request) => {
      const application = await resolveApplication(deps, request.environmentId, request.params.app);
      const page = parsePage(request.query, { order: 'ascending', key: idPrefix });
      const rows = await listIntegrations(db.queries, application.id, page.keyset);
      return toList(rows, page, (row) => row.id, wireIntegration);
    },
  );

  api.post(
    listPath,
    { config: managing, schema: { params: ListParams, body: IntegrationIn } },
    async (request, reply) => {
      const application = await resolveApplication(deps, request.environmentId, request.params.app);
      const id = newId(idPrefix);
      const row = await insertIntegration(db.queries, {
        id,
        application_id: application.id,
        name: request.body.name,
        feature_flags: request.body.featureFlags ?? [],
        key_sealed: box.seal(newKey(), integrationKeyOwner(id)),
      });
      return reply.code(201).send(wireIntegration(row));
    },
  );

  api.get(path, { config: managing, schema: { params: Params } }, async (request) =>
    wireIntegration(await resolveIntegration(deps, request.environmentId, request.params)),
  );

  api.put(path, { config: managing, schema: { params: Params, body: IntegrationIn } }, async (request) => {
    const { id, application_id } = await resolveIntegration(deps, request.environmentId, request.params);
    const changes = { name: request.body.name, feature_flags: request.body.featureFlags ?? [] };
    const row = await updateIntegration(db.queries, { applicationId: application_id, id }, changes);
    if (row === undefined) throw notFound('Integration not found');
    return wireIntegration(row);
  });

  api.delete(path, { config: managing, schema: { params: Params } }, async (request, reply) => {
    const { id, application_id } = await resolveIntegration(deps, request.environmentId, request.params);
    if (!(await deleteIntegration(db.queries, application_id, id))) throw notFound('Integration not found');
    return reply.code(204).send();
  });
}
