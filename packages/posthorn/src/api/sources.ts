// Sources over HTTP: doors for the requests of providers.
import { randomBytes } from 'node:crypto';
import type { Provider } from '@posthorn/webhooks/provider';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { lockApplication } from '../store/applications.ts';
import { isUniqueViolation } from '../store/availability.ts';
import type { Queries } from '../store/database.ts';
import { listCurrentSecrets, replaceSecrets } from '../store/source-secrets.ts';
import {
  deleteSource,
  findPaths,
  findSource,
  insertPath,
  insertSource,
  listSources,
  pathOwner,
  rotatePath,
  secretOwner,
  sourceIdPrefix,
  sourceUidConstraint,
  updateSource,
} from '../store/sources.ts';
import type { NewPath, SourceChanges, SourceRow } from '../store/sources.ts';
import { generateTokenText, hashOfToken } from '../store/tokens.ts';
import { managing, reading } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { checkPathUid, isName } from './fields.ts';
import { PageQuery, parsePage, toList } from './pagination.ts';
import { ApiError, conflict, invalidField, notFound } from './problems.ts';
import {
  changesOf,
  columnsOf,
  sealedSecrets,
  secretTextsOf,
  SourceIn,
  SourcePatch,
  takeProvider,
} from './source-fields.ts';
import { providerOf } from './source-types.ts';

export const sourcePath = '/ingest/api/v1/source';
const onePath = `${sourcePath}/:source`;
export const SourceParams = Type.Object({ source: Type.String() });
const uidTaken = 'a source with this uid exists already';
const generatedSecretBytes = 32;
// As the reference has them.
const pathRule = { graceSeconds: 48 * 60 * 60, oldMax: 3 };

/** Where a caller reaches the server's other doors, and who it is. */
type Reached = Pick<FastifyRequest, 'protocol' | 'host' | 'caller'>;

const publicKeyAlgorithms: readonly string[] = ['ed25519', 'ecdsa-p256-sha256', 'rsa-sha1', 'rsa-sha256'];

/** What verifies is no secret then, and is shown. */
function verifiesWithPublicKey({ schemes: [scheme] }: Provider): boolean {
  return scheme?.kind === 'signature' && publicKeyAlgorithms.includes(scheme.algorithm);
}

/** Throws 404 when it is unknown, deleted, or of another environment. */
export async function resolveSource(
  { db }: ApiDeps,
  environmentId: string,
  idOrUid: string,
): Promise<SourceRow> {
  const row = isName(idOrUid) ? await findSource(db.queries, environmentId, idOrUid) : undefined;
  if (row === undefined) throw notFound('Source not found');
  return row;
}

/** Runs `write` while the source cannot be changed or deleted. */
export async function changing<T>(
  { db }: ApiDeps,
  id: string,
  write: (transaction: Queries) => Promise<T>,
): Promise<T> {
  return db.queries.transaction().execute(async (transaction) => {
    if (!(await lockApplication(transaction, id))) throw notFound('Source not found');
    return write(transaction);
  });
}

function wireSource(row: SourceRow, more: { ingestUrl: string | null; publicKey: string | undefined }) {
  return {
    id: row.id,
    uid: row.uid,
    name: row.name,
    type: row.type,
    provider: row.provider,
    config: more.publicKey === undefined ? {} : { publicKey: more.publicKey },
    ingestUrl: more.ingestUrl,
    metadata: row.metadata,
    observe: row.observe,
    allowedMethods: row.allowed_methods,
    bodyMaxBytes: row.body_max_bytes,
    rateLimit: row.rate_limit,
    toleranceSeconds: row.tolerance_seconds,
    deduplicateBy: row.deduplicate_by,
    validation: row.validation,
    syncTimeoutMs: row.sync_timeout_ms,
    answer: row.answer,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function urlOf({ publicUrl }: ApiDeps, { protocol, host }: Omit<Reached, 'caller'>, token: string): string {
  return `${publicUrl ?? `${protocol}://${host}`}/in/${token}`;
}

/** The sources as the API shows them, with their URLs. */
async function wireSources(deps: ApiDeps, rows: readonly SourceRow[], reached: Reached) {
  const { db, box } = deps;
  const ids = rows.map(({ id }) => id);
  const shown = rows.filter(({ provider }) => {
    const row = providerOf(provider);
    return row !== undefined && verifiesWithPublicKey(row);
  });
  const [paths, keys] = await Promise.all([
    findPaths(db.queries, ids),
    listCurrentSecrets(
      db.queries,
      shown.map(({ id }) => id),
    ),
  ]);
  // Whoever knows the URL can send to it: where nobody signs, it is the only secret.
  const mayKnow = reached.caller?.rights.has('manage') === true;
  return rows.map((row) => {
    const [path, key] = [paths.get(row.id), keys.get(row.id)];
    return wireSource(row, {
      ingestUrl: path && mayKnow ? urlOf(deps, reached, box.open(path, pathOwner(row.id))) : null,
      publicKey: key && box.open(key, secretOwner(row.id)),
    });
  });
}

async function wireOne(deps: ApiDeps, row: SourceRow, reached: Reached) {
  const [wired] = await wireSources(deps, [row], reached);
  return wired;
}

function newPath({ box }: ApiDeps, sourceId: string): NewPath & { token: string } {
  const token = generateTokenText('');
  return { token, hash: hashOfToken(token), sealed: box.seal(token, pathOwner(sourceId)) };
}

/** The secrets of a new source: those given, or one of our own where we are the one who makes it. */
function firstSecrets(body: SourceIn): string[] {
  const given = secretTextsOf(body.config) ?? [];
  if (given.length > 0 || takeProvider(body.type).secret.madeBy !== 'you') return given;
  return [randomBytes(generatedSecretBytes).toString('hex')];
}

/** Undefined when the uid is taken. */
async function createSource(
  deps: ApiDeps,
  environmentId: string,
  body: SourceIn,
): Promise<SourceRow | undefined> {
  const id = deps.newId(sourceIdPrefix);
  const columns = columnsOf(deps, id, body);
  const secrets = sealedSecrets(deps, id, firstSecrets(body));
  const path = newPath(deps, id);
  return deps.db.queries.transaction().execute(async (transaction) => {
    const row = await insertSource(transaction, {
      settings_sealed: null,
      ...columns,
      id,
      environment_id: environmentId,
    });
    if (row === undefined) return undefined;
    await replaceSecrets(transaction, id, secrets);
    await insertPath(transaction, id, path);
    return row;
  });
}

async function change(
  deps: ApiDeps,
  { id }: SourceRow,
  changes: SourceChanges,
  secretTexts: readonly string[] | undefined,
): Promise<SourceRow> {
  try {
    return await changing(deps, id, async (transaction) => {
      if (secretTexts !== undefined)
        await replaceSecrets(transaction, id, sealedSecrets(deps, id, secretTexts));
      const row = await updateSource(transaction, id, changes);
      if (row === undefined) throw notFound('Source not found');
      return row;
    });
  } catch (error) {
    throw isUniqueViolation(error, sourceUidConstraint) ? conflict(uidTaken) : error;
  }
}

/** Replaces what there is, or makes it under the uid in the path. */
async function upsertSource(
  deps: ApiDeps,
  environmentId: string,
  idOrUid: string,
  body: SourceIn,
): Promise<{ row: SourceRow; created: boolean }> {
  checkPathUid(idOrUid, 'source');
  const byUid = !idOrUid.startsWith(sourceIdPrefix);
  const whole = byUid && body.uid === undefined ? { ...body, uid: idOrUid } : body;
  const replace = async (existing: SourceRow) => {
    const changes = columnsOf(deps, existing.id, whole);
    return { row: await change(deps, existing, changes, secretTextsOf(body.config)), created: false };
  };
  const existing = await findSource(deps.db.queries, environmentId, idOrUid);
  if (existing !== undefined) return replace(existing);
  if (!byUid) throw notFound('Source not found');
  if (whole.uid !== idOrUid) {
    throw invalidField('uid', 'must be the uid in the path, or left out, when that source does not exist');
  }
  const made = await createSource(deps, environmentId, whole);
  if (made !== undefined) return { row: made, created: true };
  // Someone else made it between the two statements: then this is an update of that one.
  return replace(await resolveSource(deps, environmentId, idOrUid));
}

function registerReading(api: Api, deps: ApiDeps): void {
  api.get(sourcePath, { config: reading, schema: { querystring: PageQuery } }, async (request) => {
    const page = parsePage(request.query, { order: 'ascending', key: sourceIdPrefix });
    const rows = await listSources(deps.db.queries, request.environmentId, page.keyset);
    const wired = await wireSources(deps, rows, request);
    const byId = new Map(wired.map((one) => [one.id, one]));
    return toList(
      rows,
      page,
      (row) => row.id,
      (row) => byId.get(row.id),
    );
  });

  api.get(onePath, { config: reading, schema: { params: SourceParams } }, async (request) => {
    const row = await resolveSource(deps, request.environmentId, request.params.source);
    return wireOne(deps, row, request);
  });
}

export function registerSourceRoutes(api: Api, deps: ApiDeps): void {
  registerReading(api, deps);

  api.post(sourcePath, { config: managing, schema: { body: SourceIn } }, async (request, reply) => {
    const row = await createSource(deps, request.environmentId, request.body);
    if (row === undefined) throw conflict(uidTaken);
    request.auditedApplicationId = row.id;
    return reply.code(201).send(await wireOne(deps, row, request));
  });

  api.put(
    onePath,
    { config: managing, schema: { params: SourceParams, body: SourceIn } },
    async (request, reply) => {
      const { environmentId, params, body } = request;
      const { row, created } = await upsertSource(deps, environmentId, params.source, body);
      request.auditedApplicationId = row.id;
      return reply.code(created ? 201 : 200).send(await wireOne(deps, row, request));
    },
  );

  api.patch(
    onePath,
    { config: managing, schema: { params: SourceParams, body: SourcePatch } },
    async (request) => {
      const { body } = request;
      const existing = await resolveSource(deps, request.environmentId, request.params.source);
      request.auditedApplicationId = existing.id;
      const changes = changesOf(deps, existing.id, body);
      return wireOne(deps, await change(deps, existing, changes, secretTextsOf(body.config)), request);
    },
  );

  api.delete(onePath, { config: managing, schema: { params: SourceParams } }, async (request, reply) => {
    const { id } = await resolveSource(deps, request.environmentId, request.params.source);
    request.auditedApplicationId = id;
    const deleted = await changing(deps, id, (transaction) => deleteSource(transaction, id));
    if (!deleted) throw notFound('Source not found');
    return reply.code(204).send();
  });

  api.post(
    `${onePath}/token/rotate`,
    { config: managing, schema: { params: SourceParams } },
    async (request) => {
      const { id } = await resolveSource(deps, request.environmentId, request.params.source);
      request.auditedApplicationId = id;
      const path = newPath(deps, id);
      const rotated = await changing(deps, id, (transaction) => rotatePath(transaction, id, path, pathRule));
      if (rotated) return { ingestUrl: urlOf(deps, request, path.token) };
      const detail = `${pathRule.oldMax} old URLs still work: wait until one has expired`;
      throw new ApiError('limit_reached', 400, detail);
    },
  );
}
