// Pollers over HTTP: made, changed and deleted by the sender. What is fetched from them is in poller-messages.ts.
import Type from 'typebox';
import type { Static } from 'typebox';
import { lockApplication } from '../store/applications.ts';
import { isUniqueViolation } from '../store/availability.ts';
import type { Queries } from '../store/database.ts';
import {
  deletePoller,
  findPoller,
  insertPoller,
  listPollers,
  pollerKey,
  pollerTokenPrefix,
  pollerUidConstraint,
  replacePollerToken,
  updatePoller,
} from '../store/pollers.ts';
import type { PollerChanges, PollerRow } from '../store/pollers.ts';
import { generateTokenText } from '../store/tokens.ts';
import { managing, reading } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { checkUid, isName, metadataField, metadataJson, nameText, nullable, uidField } from './fields.ts';
import { PageQuery, parsePage, toList } from './pagination.ts';
import { conflict, notFound } from './problems.ts';
import { resolveApplication } from './resolve.ts';

const idPrefix = 'poll_';
const descriptionMaxChars = 4_096;
const eventTypesMax = 500;
const channelsMax = 10;
const channelMaxChars = 128;
const uidTaken = 'a poller with this uid exists already';

export const PollerIn = Type.Object({
  uid: uidField,
  description: Type.Optional(Type.String({ maxLength: descriptionMaxChars })),
  eventTypes: Type.Optional(
    nullable(Type.Array(Type.String(nameText), { minItems: 1, maxItems: eventTypesMax })),
  ),
  channels: Type.Optional(
    nullable(
      Type.Array(Type.String({ ...nameText, maxLength: channelMaxChars }), {
        minItems: 1,
        maxItems: channelsMax,
      }),
    ),
  ),
  metadata: metadataField,
});
const ApplicationParams = Type.Object({ app: Type.String() });
const PollerParams = Type.Object({ app: Type.String(), poller: Type.String() });

function wirePoller(row: PollerRow) {
  return {
    id: row.id,
    uid: row.uid,
    description: row.description,
    eventTypes: row.event_types,
    channels: row.channels,
    metadata: row.metadata,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** The columns that the body names; null clears. */
function changesOf(body: Static<typeof PollerIn>): PollerChanges {
  checkUid(body.uid, idPrefix);
  return {
    ...(body.uid === undefined ? {} : { uid: body.uid }),
    ...(body.description === undefined ? {} : { description: body.description }),
    ...(body.eventTypes === undefined ? {} : { event_types: body.eventTypes }),
    ...(body.channels === undefined ? {} : { channels: body.channels }),
    ...(body.metadata === undefined ? {} : { metadata: metadataJson(body.metadata) }),
  };
}

/** The columns of a whole poller: what the body leaves out gets its default. */
function columnsOf(body: Static<typeof PollerIn>) {
  checkUid(body.uid, idPrefix);
  return {
    uid: body.uid ?? null,
    description: body.description ?? '',
    event_types: body.eventTypes ?? null,
    channels: body.channels ?? null,
    metadata: metadataJson(body.metadata ?? {}),
  };
}

const newTokenText = () => generateTokenText(pollerTokenPrefix);

/** Throws 404 when it is unknown, deleted, or of another application. */
export async function resolvePoller(
  { db }: ApiDeps,
  applicationId: string,
  idOrUid: string,
): Promise<PollerRow> {
  const row = isName(idOrUid) ? await findPoller(db.queries, applicationId, idOrUid) : undefined;
  if (row === undefined) throw notFound('Poller not found');
  return row;
}

/** A change of an application's pollers, like one of its endpoints, begins with the lock on the application. */
async function changing<T>(
  { db }: ApiDeps,
  applicationId: string,
  work: (transaction: Queries) => Promise<T>,
): Promise<T> {
  try {
    return await db.queries.transaction().execute(async (transaction) => {
      if (!(await lockApplication(transaction, applicationId))) throw notFound('Application not found');
      return work(transaction);
    });
  } catch (error) {
    throw isUniqueViolation(error, pollerUidConstraint) ? conflict(uidTaken) : error;
  }
}

/** Makes the poller with this id, or replaces it where it is there. Throws 409 when it was deleted. */
export async function putPoller(
  deps: ApiDeps,
  { applicationId, id }: { applicationId: string; id: string },
  body: Static<typeof PollerIn>,
): Promise<PollerRow> {
  const columns = columnsOf(body);
  try {
    return await changing(deps, applicationId, async (transaction) => {
      const poller = { id, application_id: applicationId, ...columns };
      const row =
        (await updatePoller(transaction, id, columns)) ??
        (await insertPoller(transaction, poller, newTokenText()));
      if (row === undefined) throw conflict(uidTaken);
      return row;
    });
  } catch (error) {
    throw isUniqueViolation(error, pollerKey) ? conflict('this poller was deleted') : error;
  }
}

function registerReading(api: Api, deps: ApiDeps): void {
  const { queries } = deps.db;

  api.get(
    '/api/v1/app/:app/polling-endpoint',
    { config: reading, schema: { params: ApplicationParams, querystring: PageQuery } },
    async (request) => {
      const page = parsePage(request.query, { order: 'descending', key: idPrefix });
      const { id } = await resolveApplication(deps, request.environmentId, request.params.app);
      const rows = await listPollers(queries, id, page.keyset);
      return toList(rows, page, (row) => row.id, wirePoller);
    },
  );

  api.get(
    '/api/v1/app/:app/polling-endpoint/:poller',
    { config: reading, schema: { params: PollerParams } },
    async (request) => {
      const { id } = await resolveApplication(deps, request.environmentId, request.params.app);
      return wirePoller(await resolvePoller(deps, id, request.params.poller));
    },
  );
}

function registerEnding(api: Api, deps: ApiDeps): void {
  api.delete(
    '/api/v1/app/:app/polling-endpoint/:poller',
    { config: managing, schema: { params: PollerParams } },
    async (request, reply) => {
      const { id } = await resolveApplication(deps, request.environmentId, request.params.app);
      const poller = await resolvePoller(deps, id, request.params.poller);
      const deleted = await changing(deps, id, (transaction) => deletePoller(transaction, poller.id));
      if (!deleted) throw notFound('Poller not found');
      return reply.code(204).send();
    },
  );

  api.post(
    '/api/v1/app/:app/polling-endpoint/:poller/token/rotate',
    { config: managing, schema: { params: PollerParams } },
    async (request) => {
      const { id } = await resolveApplication(deps, request.environmentId, request.params.app);
      const poller = await resolvePoller(deps, id, request.params.poller);
      const token = newTokenText();
      await replacePollerToken(deps.db.queries, poller.id, token);
      return { token };
    },
  );
}

export function registerPollerRoutes(api: Api, deps: ApiDeps): void {
  registerReading(api, deps);
  registerEnding(api, deps);

  api.post(
    '/api/v1/app/:app/polling-endpoint',
    { config: managing, schema: { params: ApplicationParams, body: PollerIn } },
    async (request, reply) => {
      const { id: applicationId } = await resolveApplication(deps, request.environmentId, request.params.app);
      const token = newTokenText();
      const poller = {
        id: deps.newId(idPrefix),
        application_id: applicationId,
        ...columnsOf(request.body),
      };
      const row = await changing(deps, applicationId, (transaction) =>
        insertPoller(transaction, poller, token),
      );
      if (row === undefined) throw conflict(uidTaken);
      return reply.code(201).send({ ...wirePoller(row), token });
    },
  );

  api.patch(
    '/api/v1/app/:app/polling-endpoint/:poller',
    { config: managing, schema: { params: PollerParams, body: PollerIn } },
    async (request) => {
      const { id } = await resolveApplication(deps, request.environmentId, request.params.app);
      const poller = await resolvePoller(deps, id, request.params.poller);
      const changes = changesOf(request.body);
      const row = await changing(deps, id, (transaction) => updatePoller(transaction, poller.id, changes));
      if (row === undefined) throw notFound('Poller not found');
      return wirePoller(row);
    },
  );
}
