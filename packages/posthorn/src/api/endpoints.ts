// Endpoints over HTTP.
import Type from 'typebox';
import type { Static } from 'typebox';
import type { Caller } from '../core/access.ts';
import { httpKind } from '../core/endpoint-kind.ts';
import { lockApplication } from '../store/applications.ts';
import { isUniqueViolation } from '../store/availability.ts';
import type { Queries } from '../store/database.ts';
import {
  deleteEndpoint,
  endpointUidConstraint,
  findEndpoint,
  insertEndpoint,
  listEndpoints,
  secretOwner,
  updateEndpoint,
} from '../store/endpoints.ts';
import type { EndpointChanges, EndpointRow } from '../store/endpoints.ts';
import { configuring, viewing } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { authChanges } from './endpoint-auth.ts';
import {
  changesOf,
  columnsOf,
  EndpointIn,
  EndpointPatch,
  EndpointUpsertIn,
  idPrefix,
  wireEndpoint,
} from './endpoint-fields.ts';
import { openHeaders, sealHeaders } from './endpoint-headers.ts';
import {
  checkReach,
  checkUnchanged,
  patchTarget,
  takeTarget,
  type Target,
  targetColumns,
} from './endpoint-kinds.ts';
import { checkMove } from './endpoint-move.ts';
import { takeSecret } from './endpoint-secrets.ts';
import { checkWhole } from './endpoint-whole.ts';
import { checkPathUid } from './fields.ts';
import { PageQuery, parsePage, toList } from './pagination.ts';
import { conflict, invalidField, notFound } from './problems.ts';
import { resolveApplication, resolveEndpoint } from './resolve.ts';

const EndpointParams = Type.Object({ app: Type.String(), endpoint: Type.String() });
const ListParams = Type.Object({ app: Type.String() });
const uidTaken = 'an endpoint with this uid exists already in this application';

/** Runs `write` while the application cannot be changed or deleted. */
export async function writing<T>(
  { db }: ApiDeps,
  applicationId: string,
  write: (transaction: Queries) => Promise<T>,
): Promise<T> {
  return db.queries.transaction().execute(async (transaction) => {
    if (!(await lockApplication(transaction, applicationId))) throw notFound('Application not found');
    return write(transaction);
  });
}

/** Whose endpoints are changed, and by whom. Null: by those who may do everything. */
interface Scope {
  applicationId: string;
  caller: Caller | null;
}

/** The columns for the credentials that a body names. Nobody can give back what is not shown: others stay. */
function credentialChanges(
  deps: ApiDeps,
  endpointId: string,
  { auth, headers }: Static<typeof EndpointPatch>,
): EndpointChanges {
  const sealed =
    headers === undefined ? {} : { headers_sealed: sealHeaders(deps.box, endpointId, headers ?? {}) };
  return { ...authChanges(deps, endpointId, auth), ...sealed };
}

/** What a whole endpoint in the place of one that is there changes: its secret stays. */
function wholeChanges(
  deps: ApiDeps,
  endpointId: string,
  target: Target,
  body: Static<typeof EndpointUpsertIn>,
): EndpointChanges {
  return {
    ...columnsOf(body),
    ...targetColumns(deps, endpointId, target),
    ...credentialChanges(deps, endpointId, body),
  };
}

/**
 * Everything that can be wrong is found before the transaction begins. `own` is what only a new endpoint can be given:
 * of a body whose schema does not name it, it must not be taken, for nobody has looked at it.
 */
async function prepareEndpoint(
  deps: ApiDeps,
  target: Target,
  body: Static<typeof EndpointUpsertIn>,
  own: { id?: string; secret?: string | null | undefined },
) {
  const id = own.id ?? deps.newId(idPrefix);
  const columns = { ...columnsOf(body), ...targetColumns(deps, id, target) };
  const secret = await takeSecret(own.secret, 'secret');
  return {
    endpoint: {
      id,
      headers_sealed: sealHeaders(deps.box, id, body.headers ?? {}),
      ...columns,
      ...authChanges(deps, id, body.auth),
    },
    secret: { id: deps.newId('sec_'), sealed: deps.box.seal(secret, secretOwner(id)) },
  };
}

export async function createEndpoint(
  deps: ApiDeps,
  { applicationId, caller }: Scope,
  body: Static<typeof EndpointIn>,
): Promise<EndpointRow> {
  if (caller) checkReach(deps, caller, body.kind ?? httpKind);
  const prepared = await prepareEndpoint(deps, await takeTarget(deps, body), body, { secret: body.secret });
  return writing(deps, applicationId, (transaction) => insert(deps, transaction, applicationId, prepared));
}

async function insert(
  { box, kinds }: ApiDeps,
  transaction: Queries,
  applicationId: string,
  { endpoint, secret }: Awaited<ReturnType<typeof prepareEndpoint>>,
): Promise<EndpointRow> {
  const row = await insertEndpoint(transaction, { ...endpoint, application_id: applicationId }, secret);
  if (row === undefined) throw conflict(uidTaken);
  checkWhole(row, kinds, () => openHeaders(box, row));
  return row;
}

async function change(
  { box, kinds }: ApiDeps,
  transaction: Queries,
  before: EndpointRow,
  changes: EndpointChanges,
): Promise<EndpointRow> {
  checkMove(before, changes, () => openHeaders(box, before));
  try {
    const row = await updateEndpoint(transaction, before.id, changes);
    if (row === undefined) throw notFound('Endpoint not found');
    checkWhole(row, kinds, () => openHeaders(box, row));
    return row;
  } catch (error) {
    throw isUniqueViolation(error, endpointUidConstraint) ? conflict(uidTaken) : error;
  }
}

/** Throws 403 when the caller may not make what `body` says of what is there. */
function checkChange(deps: ApiDeps, { caller }: Scope, kind: string | undefined, before?: EndpointRow): void {
  if (!caller) return;
  checkReach(deps, caller, kind ?? httpKind);
  if (before) checkReach(deps, caller, before.kind);
}

export async function upsertEndpoint(
  deps: ApiDeps,
  scope: Scope,
  idOrUid: string,
  body: Static<typeof EndpointUpsertIn>,
): Promise<{ row: EndpointRow; created: boolean }> {
  checkPathUid(idOrUid, 'endpoint');
  const { applicationId } = scope;
  const byUid = !idOrUid.startsWith(idPrefix);
  const whole = byUid && body.uid === undefined ? { ...body, uid: idOrUid } : body;
  const before = await findEndpoint(deps.db.queries, applicationId, idOrUid);
  checkChange(deps, scope, body.kind, before);
  const target = await takeTarget(deps, whole, before);
  const prepared = await prepareEndpoint(deps, target, whole, {});
  return writing(deps, applicationId, async (transaction) => {
    const existing = await findEndpoint(transaction, applicationId, idOrUid);
    checkUnchanged(before, existing);
    if (existing !== undefined) {
      const changes = wholeChanges(deps, existing.id, target, whole);
      return { row: await change(deps, transaction, existing, changes), created: false };
    }
    if (!byUid) throw notFound('Endpoint not found');
    if (whole.uid !== idOrUid) {
      throw invalidField(
        'uid',
        'must be the uid in the path, or left out, when that endpoint does not exist',
      );
    }
    return { row: await insert(deps, transaction, applicationId, prepared), created: true };
  });
}

/** Makes the endpoint with this id and secret, or replaces it where it is there. */
export async function putEndpoint(
  deps: ApiDeps,
  scope: Scope,
  own: { id: string; secret: string },
  body: Static<typeof EndpointUpsertIn>,
): Promise<EndpointRow> {
  const { applicationId } = scope;
  const before = await findEndpoint(deps.db.queries, applicationId, own.id);
  checkChange(deps, scope, body.kind, before);
  const target = await takeTarget(deps, body, before);
  const prepared = await prepareEndpoint(deps, target, body, own);
  return writing(deps, applicationId, async (transaction) => {
    const existing = await findEndpoint(transaction, applicationId, own.id);
    checkUnchanged(before, existing);
    if (existing === undefined) return insert(deps, transaction, applicationId, prepared);
    return change(deps, transaction, existing, wholeChanges(deps, existing.id, target, body));
  });
}

/** Changes what the body names. */
export async function patchEndpoint(
  deps: ApiDeps,
  scope: Scope,
  before: EndpointRow,
  body: Static<typeof EndpointPatch>,
): Promise<EndpointRow> {
  checkChange(deps, scope, body.kind ?? before.kind, before);
  const target = await patchTarget(deps, body, before);
  const changes: EndpointChanges = {
    ...changesOf(body),
    ...(target ? targetColumns(deps, before.id, target) : {}),
    ...credentialChanges(deps, before.id, body),
  };
  return writing(deps, scope.applicationId, async (transaction) => {
    const existing = await findEndpoint(transaction, scope.applicationId, before.id);
    if (existing === undefined) throw notFound('Endpoint not found');
    if (target) checkUnchanged(before, existing);
    return change(deps, transaction, existing, changes);
  });
}

/** Throws 404 when somebody else was faster. */
export async function removeEndpoint(deps: ApiDeps, scope: Scope, { id, kind }: EndpointRow): Promise<void> {
  checkChange(deps, scope, kind);
  const deleted = await writing(deps, scope.applicationId, (transaction) => deleteEndpoint(transaction, id));
  if (!deleted) throw notFound('Endpoint not found');
}

/** What of a request says whose endpoints it is about. */
export interface ScopedRequest {
  environmentId: string;
  caller: Caller | null;
  params: { app: string };
}

/** Throws 404 for an unknown application. */
export async function scopeOf(
  deps: ApiDeps,
  { environmentId, caller, params }: ScopedRequest,
): Promise<Scope> {
  const { id: applicationId } = await resolveApplication(deps, environmentId, params.app);
  return { applicationId, caller };
}

export function registerEndpointRoutes(api: Api, deps: ApiDeps): void {
  const listPath = '/api/v1/app/:app/endpoint';
  const path = `${listPath}/:endpoint`;
  const one = { params: EndpointParams };

  api.get(
    listPath,
    { config: viewing, schema: { params: ListParams, querystring: PageQuery } },
    async (request) => {
      const application = await resolveApplication(deps, request.environmentId, request.params.app);
      const page = parsePage(request.query, { order: 'descending', key: idPrefix });
      const rows = await listEndpoints(deps.db.queries, application.id, page.keyset);
      return toList(rows, page, (row) => row.id, wireEndpoint);
    },
  );

  api.post(
    listPath,
    { config: configuring, schema: { params: ListParams, body: EndpointIn } },
    async (request, reply) => {
      const scope = await scopeOf(deps, request);
      return reply.code(201).send(wireEndpoint(await createEndpoint(deps, scope, request.body)));
    },
  );

  api.get(path, { config: viewing, schema: one }, async (request) => {
    const application = await resolveApplication(deps, request.environmentId, request.params.app);
    return wireEndpoint(await resolveEndpoint(deps, application.id, request.params.endpoint));
  });

  api.put(
    path,
    { config: configuring, schema: { ...one, body: EndpointUpsertIn } },
    async (request, reply) => {
      const scope = await scopeOf(deps, request);
      const { row, created } = await upsertEndpoint(deps, scope, request.params.endpoint, request.body);
      return reply.code(created ? 201 : 200).send(wireEndpoint(row));
    },
  );

  api.patch(path, { config: configuring, schema: { ...one, body: EndpointPatch } }, async (request) => {
    const scope = await scopeOf(deps, request);
    const existing = await resolveEndpoint(deps, scope.applicationId, request.params.endpoint);
    return wireEndpoint(await patchEndpoint(deps, scope, existing, request.body));
  });

  api.delete(path, { config: configuring, schema: one }, async (request, reply) => {
    const scope = await scopeOf(deps, request);
    await removeEndpoint(
      deps,
      scope,
      await resolveEndpoint(deps, scope.applicationId, request.params.endpoint),
    );
    return reply.code(204).send();
  });
}
