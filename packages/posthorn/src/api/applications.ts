// Applications over HTTP.
import Type from 'typebox';
import type { Static } from 'typebox';
import { isUniqueViolation } from '../store/availability.ts';
import {
  applicationUidConstraint,
  deleteApplication,
  findApplication,
  insertApplication,
  listApplications,
  updateApplication,
} from '../store/applications.ts';
import type { ApplicationChanges, ApplicationRow } from '../store/applications.ts';
import { sourceIdPrefix } from '../store/sources.ts';
import { managing, reading, viewing } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import {
  checkPathUid,
  checkUid,
  metadataField,
  metadataJson,
  throttleRateField,
  throttleRateOf,
  uidField,
} from './fields.ts';
import { pageQueryFields, parsePage, toList } from './pagination.ts';
import { conflict, invalidField, notFound } from './problems.ts';
import { resolveApplication } from './resolve.ts';

const nameMaxChars = 1_024;
const nameText = Type.String({ minLength: 1, maxLength: nameMaxChars });
const optionalFields = {
  uid: uidField,
  metadata: metadataField,
  throttleRate: throttleRateField,
  rateLimit: throttleRateField,
};

export const ApplicationIn = Type.Object({ name: nameText, ...optionalFields });
const ApplicationPatch = Type.Object({ name: Type.Optional(nameText), ...optionalFields });
const ApplicationParams = Type.Object({ app: Type.String() });
const flag = Type.Optional(Type.Boolean());
const ListQuery = Type.Object({
  ...pageQueryFields,
  exclude_apps_with_no_endpoints: flag,
  exclude_apps_with_disabled_endpoints: flag,
  exclude_apps_with_svix_play_endpoints: flag,
});
const CreateQuery = Type.Object({ get_if_exists: Type.Optional(Type.Boolean()) });

const idPrefix = 'app_';
const playUrl = 'https://play.svix.com/';
const uidTaken = 'an application with this uid exists already';

function wireApplication(row: ApplicationRow) {
  return {
    id: row.id,
    uid: row.uid,
    name: row.name,
    metadata: row.metadata,
    throttleRate: row.throttle_rate,
    rateLimit: row.throttle_rate,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

// A source is an application, too: what is named like one would not be found.
function checkApplicationUid(uid: string | null | undefined): void {
  checkUid(uid, idPrefix);
  checkUid(uid, sourceIdPrefix);
}

/** Throws 409 for a source, which is changed as what it is. */
function changeable(row: ApplicationRow): ApplicationRow {
  if (!row.source) return row;
  throw conflict('this is a source: change it at /ingest/api/v1/source');
}

/** The columns that a whole application sets: what it leaves out gets its default. */
function columnsOf(body: Static<typeof ApplicationIn>) {
  checkApplicationUid(body.uid);
  return {
    uid: body.uid ?? null,
    name: body.name,
    metadata: metadataJson(body.metadata ?? {}),
    throttle_rate: throttleRateOf(body) ?? null,
  };
}

/** The columns that a patch names; null clears, absent leaves alone. */
function changesOf(body: Static<typeof ApplicationPatch>): ApplicationChanges {
  checkApplicationUid(body.uid);
  const throttleRate = throttleRateOf(body);
  return {
    ...(body.uid === undefined ? {} : { uid: body.uid }),
    ...(body.name === undefined ? {} : { name: body.name }),
    ...(body.metadata === undefined ? {} : { metadata: metadataJson(body.metadata) }),
    ...(throttleRate === undefined ? {} : { throttle_rate: throttleRate }),
  };
}

async function update(
  { db }: ApiDeps,
  existing: ApplicationRow,
  changes: ApplicationChanges,
): Promise<ApplicationRow> {
  try {
    const row = await updateApplication(db.queries, changeable(existing).id, changes);
    if (row === undefined) throw notFound('Application not found');
    return row;
  } catch (error) {
    throw isUniqueViolation(error, applicationUidConstraint) ? conflict(uidTaken) : error;
  }
}

async function create(
  { db, newId }: ApiDeps,
  environmentId: string,
  columns: ReturnType<typeof columnsOf>,
): Promise<ApplicationRow | undefined> {
  return insertApplication(db.queries, { id: newId(idPrefix), environment_id: environmentId, ...columns });
}

interface Upserted {
  row: ApplicationRow;
  created: boolean;
}

async function getOrCreate(
  deps: ApiDeps,
  environmentId: string,
  body: Static<typeof ApplicationIn>,
): Promise<Upserted> {
  const columns = columnsOf(body);
  const { uid } = columns;
  if (uid !== null) {
    const existing = await findApplication(deps.db.queries, environmentId, uid);
    if (existing !== undefined) return { row: existing, created: false };
  }
  const made = await create(deps, environmentId, columns);
  if (made !== undefined) return { row: made, created: true };
  // Someone else made it between the two statements.
  const other = uid === null ? undefined : await findApplication(deps.db.queries, environmentId, uid);
  if (other === undefined) throw conflict(uidTaken);
  return { row: other, created: false };
}

/** For a message whose application may not exist yet: the one in its path is made, unless somebody else has made it. */
export async function ensureApplication(
  deps: ApiDeps,
  environmentId: string,
  uid: string,
  body: Static<typeof ApplicationIn>,
): Promise<void> {
  if (uid.startsWith(idPrefix)) throw notFound('Application not found');
  checkPathUid(uid, 'app');
  if ((body.uid ?? uid) !== uid)
    throw invalidField('application.uid', 'must be the uid in the path, or left out');
  await getOrCreate(deps, environmentId, { ...body, uid });
}

async function upsert(
  deps: ApiDeps,
  environmentId: string,
  idOrUid: string,
  body: Static<typeof ApplicationIn>,
): Promise<Upserted> {
  checkPathUid(idOrUid, 'app');
  if (idOrUid.startsWith(idPrefix)) {
    const existing = await resolveApplication(deps, environmentId, idOrUid);
    return { row: await update(deps, existing, columnsOf(body)), created: false };
  }
  const columns = columnsOf(body.uid === undefined ? { ...body, uid: idOrUid } : body);
  const existing = await findApplication(deps.db.queries, environmentId, idOrUid);
  if (existing !== undefined) return { row: await update(deps, existing, columns), created: false };
  if (columns.uid !== idOrUid) {
    throw invalidField(
      'uid',
      'must be the uid in the path, or left out, when that application does not exist',
    );
  }
  const made = await create(deps, environmentId, columns);
  if (made !== undefined) return { row: made, created: true };
  // Someone else made it between the two statements: then this is an update of that one.
  const other = await resolveApplication(deps, environmentId, idOrUid);
  return { row: await update(deps, other, columns), created: false };
}

export function registerApplicationRoutes(api: Api, deps: ApiDeps): void {
  const { queries } = deps.db;
  const one = { params: ApplicationParams };

  api.get('/api/v1/app', { config: reading, schema: { querystring: ListQuery } }, async (request) => {
    const { query } = request;
    const page = parsePage(query, { order: 'ascending', key: idPrefix });
    const rows = await listApplications(queries, request.environmentId, page.keyset, {
      withoutEndpoints: query.exclude_apps_with_no_endpoints ?? false,
      allDisabled: query.exclude_apps_with_disabled_endpoints ?? false,
      allBelow: query.exclude_apps_with_svix_play_endpoints === true ? playUrl : undefined,
    });
    return toList(rows, page, (row) => row.id, wireApplication);
  });

  api.post(
    '/api/v1/app',
    { config: managing, schema: { body: ApplicationIn, querystring: CreateQuery } },
    async (request, reply) => {
      if (request.query.get_if_exists === true) {
        const { row, created } = await getOrCreate(deps, request.environmentId, request.body);
        return reply.code(created ? 201 : 200).send(wireApplication(row));
      }
      const row = await create(deps, request.environmentId, columnsOf(request.body));
      if (row === undefined) throw conflict(uidTaken);
      return reply.code(201).send(wireApplication(row));
    },
  );

  api.get('/api/v1/app/:app', { config: viewing, schema: one }, async (request) => {
    return wireApplication(await resolveApplication(deps, request.environmentId, request.params.app));
  });

  api.put(
    '/api/v1/app/:app',
    { config: managing, schema: { ...one, body: ApplicationIn } },
    async (request, reply) => {
      const { row, created } = await upsert(deps, request.environmentId, request.params.app, request.body);
      return reply.code(created ? 201 : 200).send(wireApplication(row));
    },
  );

  api.patch(
    '/api/v1/app/:app',
    { config: managing, schema: { ...one, body: ApplicationPatch } },
    async (request) => {
      const existing = await resolveApplication(deps, request.environmentId, request.params.app);
      return wireApplication(await update(deps, existing, changesOf(request.body)));
    },
  );

  api.delete('/api/v1/app/:app', { config: managing, schema: one }, async (request, reply) => {
    const existing = await resolveApplication(deps, request.environmentId, request.params.app);
    changeable(existing);
    const deleted = await queries
      .transaction()
      .execute((transaction) => deleteApplication(transaction, existing.id));
    if (!deleted) throw notFound('Application not found');
    return reply.code(204).send();
  });
}
