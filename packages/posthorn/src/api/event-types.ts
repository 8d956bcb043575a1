// Event types over HTTP. Deleting archives; only `expunge` removes.
import Type from 'typebox';
import type { Static } from 'typebox';
import type { Caller } from '../core/access.ts';
import {
  changingEventTypes,
  expungeEventType,
  findEventType,
  insertEventType,
  listEventTypes,
  updateEventType,
  upsertEventType,
} from '../store/event-types.ts';
import type { EventTypeRow } from '../store/event-types.ts';
import type { Queries } from '../store/database.ts';
import { managing, viewingShared } from './access.ts';
import { callerOf } from './auth.ts';
import type { Api, ApiDeps } from './context.ts';
import {
  changesOf,
  checkEventTypeCount,
  checkEventTypeName,
  checkEventTypeSchemas,
  contentOf,
  EventTypeIn,
  EventTypePatch,
  EventTypeUpsertIn,
  wireEventType,
} from './event-type-fields.ts';
import { checkPathUid, isName, nameText } from './fields.ts';
import { pageQueryFields, parsePage, toList } from './pagination.ts';
import type { PayloadCheck } from './payload-check.ts';
import { conflict, notFound } from './problems.ts';

const EventTypeParams = Type.Object({ name: Type.String() });
const ListQuery = Type.Object({
  ...pageQueryFields,
  include_archived: Type.Optional(Type.Boolean()),
  with_content: Type.Optional(Type.Boolean()),
});
const DeleteQuery = Type.Object({ expunge: Type.Optional(Type.Boolean()) });

const listPath = '/api/v1/event-type';
const path = `${listPath}/:name`;
const one = { params: EventTypeParams };
const namePattern = new RegExp(nameText.pattern);

function present<T>(row: T | undefined): T {
  if (row === undefined) throw notFound('Event type not found');
  return row;
}

/** The name in the path, which names nothing when it cannot be a name. */
function nameOf(params: Static<typeof EventTypeParams>): string {
  return present(isName(params.name) ? params.name : undefined);
}

/** An application sees event types without a flag, and those with one of its token's; an operator sees all. */
function visibleFlags({ application, featureFlags }: Caller): readonly string[] | undefined {
  return application === null ? undefined : featureFlags;
}

/** Undefined when there is none that the caller may see. */
export async function findVisibleEventType(
  { db }: ApiDeps,
  caller: Caller,
  name: string,
): Promise<EventTypeRow | undefined> {
  const row = await findEventType(db.queries, caller.environmentId, name);
  const flags = visibleFlags(caller);
  const isVisible = !flags || !row?.feature_flags || row.feature_flags.some((flag) => flags.includes(flag));
  return isVisible ? row : undefined;
}

/** Runs `write` as a change that this process judges messages by as soon as it is made. */
export async function changing<T>(
  { db }: ApiDeps,
  payloads: PayloadCheck,
  environmentId: string,
  write: (transaction: Queries) => Promise<T>,
): Promise<T> {
  try {
    return await changingEventTypes(db.queries, environmentId, write);
  } finally {
    payloads.forget(environmentId);
  }
}

function registerReads(api: Api, deps: ApiDeps): void {
  api.get(listPath, { config: viewingShared, schema: { querystring: ListQuery } }, async (request) => {
    const { include_archived: includeArchived = false, with_content: withContent = false } = request.query;
    const page = parsePage(request.query, { order: 'ascending', key: namePattern });
    const rows = await listEventTypes(deps.db.queries, request.environmentId, page.keyset, {
      includeArchived,
      visibleFlags: visibleFlags(callerOf(request)),
    });
    const wire = withContent
      ? wireEventType
      : (row: EventTypeRow) => ({ ...wireEventType(row), schemas: null });
    return toList(rows, page, (row) => row.name, wire);
  });

  api.get(path, { config: viewingShared, schema: one }, async (request) => {
    const name = nameOf(request.params);
    return wireEventType(present(await findVisibleEventType(deps, callerOf(request), name)));
  });
}

export function registerEventTypeRoutes(api: Api, deps: ApiDeps, payloads: PayloadCheck): void {
  registerReads(api, deps);

  api.post(
    listPath,
    { config: managing, schema: { body: EventTypeIn } },
    async ({ body, environmentId }, reply) => {
      checkEventTypeName(body.name, ['body', 'name']);
      await checkEventTypeSchemas(deps, environmentId, body.schemas);
      const row = await changing(deps, payloads, environmentId, async (transaction) => {
        const made = await insertEventType(transaction, { environmentId, name: body.name }, contentOf(body));
        await checkEventTypeCount(transaction, environmentId);
        return made;
      });
      if (row === undefined)
        throw conflict('an event type with this name exists already', 'event_type_exists');
      return reply.code(201).send(wireEventType(row));
    },
  );

  api.put(path, { config: managing, schema: { ...one, body: EventTypeUpsertIn } }, async (request, reply) => {
    const { body, environmentId, params } = request;
    checkPathUid(params.name, 'name');
    checkEventTypeName(params.name, ['path', 'name']);
    await checkEventTypeSchemas(deps, environmentId, body.schemas);
    const { row, created } = await changing(deps, payloads, environmentId, async (transaction) => {
      const put = await upsertEventType(transaction, { environmentId, name: params.name }, contentOf(body));
      if (put.created) await checkEventTypeCount(transaction, environmentId);
      return put;
    });
    return reply.code(created ? 201 : 200).send(wireEventType(row));
  });

  api.patch(
    path,
    { config: managing, schema: { ...one, body: EventTypePatch } },
    async ({ body, environmentId, params }) => {
      const name = nameOf(params);
      await checkEventTypeSchemas(deps, environmentId, body.schemas);
      const row = await changing(deps, payloads, environmentId, (transaction) =>
        updateEventType(transaction, environmentId, name, changesOf(body)),
      );
      return wireEventType(present(row));
    },
  );

  api.delete(
    path,
    { config: managing, schema: { ...one, querystring: DeleteQuery } },
    async (request, reply) => {
      const { environmentId } = request;
      const name = nameOf(request.params);
      const found = await changing(deps, payloads, environmentId, async (transaction) => {
        if (request.query.expunge === true) return expungeEventType(transaction, environmentId, name);
        return (await updateEventType(transaction, environmentId, name, { archived: true })) !== undefined;
      });
      if (!found) throw notFound('Event type not found');
      return reply.code(204).send();
    },
  );
}
