// Integrations over HTTP: of an application, each with a key that is a token of that application. It is stored sealed, to
// be read again, beside the hash that it is recognised by.
import { randomBytes } from 'node:crypto';
import Type from 'typebox';
import type { Static } from 'typebox';
import { capabilities, capabilitiesFor } from '../core/access.ts';
import { changeHolderToken, deleteHolderToken, putHolderToken } from '../store/holder-tokens.ts';
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
import type { Authenticator } from './auth.ts';
import type { Api, ApiDeps } from './context.ts';
import { nameText, oneOf } from './fields.ts';
import { PageQuery, parsePage, toList } from './pagination.ts';
import { invalidField, notFound } from './problems.ts';
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
  capabilities: Type.Optional(
    Type.Array(oneOf(capabilities), { minItems: 1, maxItems: capabilities.length }),
  ),
});
const ListParams = Type.Object({ app: Type.String() });
const Params = Type.Object({ app: Type.String(), integration: Type.String() });

function wireIntegration(row: IntegrationRow) {
  return {
    id: row.id,
    name: row.name,
    featureFlags: row.feature_flags,
    capabilities: row.capabilities,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** What a whole integration sets: what it leaves out gets its default. */
function columnsOf({ name, featureFlags, capabilities: asked }: Static<typeof IntegrationIn>) {
  if (asked !== undefined && !asked.includes('ViewBase')) {
    throw invalidField('capabilities', 'must have ViewBase, which every token needs');
  }
  return { name, feature_flags: featureFlags ?? [], capabilities: capabilitiesFor(asked, false) };
}

/** What its key is, may do and sees, as a token. */
function tokenOf({ name, capabilities: given, feature_flags: featureFlags }: ReturnType<typeof columnsOf>) {
  return { name: `integration ${name}`, capabilities: given, featureFlags };
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

function registerKeys(api: Api, deps: ApiDeps, authenticator: Authenticator): void {
  const { db, box } = deps;

  const reading = { access: 'manage', audited: true } as const;
  api.get(`${path}/key`, { config: reading, schema: { params: Params } }, async (request) => {
    const { id, key_sealed } = await resolveIntegration(deps, request.environmentId, request.params);
    return { key: box.open(key_sealed, integrationKeyOwner(id)) };
  });

  api.post(`${path}/key/rotate`, { config: managing, schema: { params: Params } }, async (request) => {
    const { environmentId } = request;
    const { id, application_id: applicationId } = await resolveIntegration(
      deps,
      environmentId,
      request.params,
    );
    const key = newKey();
    const changes = { key_sealed: box.seal(key, integrationKeyOwner(id)) };
    await db.queries.transaction().execute(async (transaction) => {
      const row = await updateIntegration(transaction, { applicationId, id }, changes);
      if (row === undefined) throw notFound('Integration not found');
      const token = { ...tokenOf(row), id: deps.newId('tok_'), environmentId, applicationId, holderId: id };
      await putHolderToken(transaction, { ...token, text: key });
    });
    authenticator.forget((caller) => caller.holderId === id);
    return { key };
  });
}

async function create(
  deps: ApiDeps,
  { environmentId, applicationId }: { environmentId: string; applicationId: string },
  body: Static<typeof IntegrationIn>,
): Promise<IntegrationRow> {
  const { db, box, newId } = deps;
  const columns = columnsOf(body);
  const id = newId(idPrefix);
  const key = newKey();
  const key_sealed = box.seal(key, integrationKeyOwner(id));
  const token = {
    ...tokenOf(columns),
    id: newId('tok_'),
    environmentId,
    applicationId,
    holderId: id,
    text: key,
  };
  return db.queries.transaction().execute(async (transaction) => {
    const row = await insertIntegration(transaction, {
      id,
      application_id: applicationId,
      key_sealed,
      ...columns,
    });
    await putHolderToken(transaction, token);
    return row;
  });
}

export function registerIntegrationRoutes(api: Api, deps: ApiDeps, authenticator: Authenticator): void {
  const { db } = deps;
  registerKeys(api, deps, authenticator);

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
      const { environmentId, body } = request;
      const row = await create(deps, { environmentId, applicationId: application.id }, body);
      return reply.code(201).send(wireIntegration(row));
    },
  );

  api.get(path, { config: managing, schema: { params: Params } }, async (request) =>
    wireIntegration(await resolveIntegration(deps, request.environmentId, request.params)),
  );

  api.put(path, { config: managing, schema: { params: Params, body: IntegrationIn } }, async (request) => {
    const { id, application_id } = await resolveIntegration(deps, request.environmentId, request.params);
    const changes = columnsOf(request.body);
    const updated = await db.queries.transaction().execute(async (transaction) => {
      const row = await updateIntegration(transaction, { applicationId: application_id, id }, changes);
      if (row === undefined) throw notFound('Integration not found');
      await changeHolderToken(transaction, id, tokenOf(changes));
      return row;
    });
    authenticator.forget((caller) => caller.holderId === id);
    return wireIntegration(updated);
  });

  api.delete(path, { config: managing, schema: { params: Params } }, async (request, reply) => {
    const { id, application_id } = await resolveIntegration(deps, request.environmentId, request.params);
    await db.queries.transaction().execute(async (transaction) => {
      if (!(await deleteIntegration(transaction, application_id, id)))
        throw notFound('Integration not found');
      await deleteHolderToken(transaction, id);
    });
    authenticator.forget((caller) => caller.holderId === id);
    return reply.code(204).send();
  });
}
