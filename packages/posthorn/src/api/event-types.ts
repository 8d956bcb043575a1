// Event types over HTTP. Deleting archives; only `expunge` removes.
import Type from 'typebox';
import type { Static } from 'typebox';
import {
  expungeEventType,
  findEventType,
  insertEventType,
  listEventTypes,
  updateEventType,
  upsertEventType,
} from '../store/event-types.ts';
import type { EventTypeChanges, EventTypeContent, EventTypeRow } from '../store/event-types.ts';
import type { Api, ApiDeps } from './context.ts';
import { checkPathUid, isName, nameText, nullable } from './fields.ts';
import { pageQueryFields, parsePage, toList } from './pagination.ts';
import { conflict, notFound } from './problems.ts';

const descriptionMaxChars = 65_536;
const featureFlagsMax = 100;

// One JSON Schema for each version, such as {"1": {"type": "object"}}.
const Schemas = Type.Unsafe<Record<string, unknown>>(
  Type.Object({}, { additionalProperties: Type.Union([Type.Object({}), Type.Boolean()]) }),
);
const descriptionText = Type.String({ maxLength: descriptionMaxChars });
const optionalFields = {
  schemas: Type.Optional(nullable(Schemas)),
  archived: Type.Optional(Type.Boolean()),
  deprecated: Type.Optional(Type.Boolean()),
  groupName: Type.Optional(nullable(Type.String(nameText))),
  featureFlags: Type.Optional(nullable(Type.Array(Type.String(nameText), { maxItems: featureFlagsMax }))),
  // The field's older form, for a single flag.
  featureFlag: Type.Optional(nullable(Type.String(nameText))),
};

const EventTypeUpsertIn = Type.Object({ description: descriptionText, ...optionalFields });
const EventTypeIn = Type.Object({
  name: Type.String(nameText),
  description: descriptionText,
  ...optionalFields,
});
const EventTypePatch = Type.Object({ description: Type.Optional(descriptionText), ...optionalFields });
const EventTypeParams = Type.Object({ name: Type.String() });
const ListQuery = Type.Object({
  ...pageQueryFields,
  include_archived: Type.Optional(Type.Boolean()),
  with_content: Type.Optional(Type.Boolean()),
});
const DeleteQuery = Type.Object({ expunge: Type.Optional(Type.Boolean()) });

const namePattern = new RegExp(nameText.pattern);

function wireEventType(row: EventTypeRow) {
  return {
    name: row.name,
    description: row.description,
    schemas: row.schemas,
    archived: row.archived,
    deprecated: row.deprecated,
    groupName: row.group_name,
    featureFlags: row.feature_flags,
    featureFlag: row.feature_flags?.[0] ?? null,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function featureFlagsOf(body: Static<typeof EventTypePatch>): string[] | null | undefined {
  if (body.featureFlags !== undefined) return body.featureFlags?.length === 0 ? null : body.featureFlags;
  if (body.featureFlag === undefined || body.featureFlag === null) return body.featureFlag;
  return [body.featureFlag];
}

function schemasJson(schemas: Record<string, unknown> | null): string | null {
  return schemas === null ? null : JSON.stringify(schemas);
}

/** The columns that a whole event type sets: what it leaves out gets its default. */
function contentOf(body: Static<typeof EventTypeUpsertIn>): EventTypeContent {
  return {
    description: body.description,
    schemas: schemasJson(body.schemas ?? null),
    feature_flags: featureFlagsOf(body) ?? null,
    group_name: body.groupName ?? null,
    archived: body.archived ?? false,
    deprecated: body.deprecated ?? false,
  };
}

/** The columns that a patch names; null clears, absent leaves alone. */
function changesOf(body: Static<typeof EventTypePatch>): EventTypeChanges {
  const featureFlags = featureFlagsOf(body);
  return {
    ...(body.description === undefined ? {} : { description: body.description }),
    ...(body.schemas === undefined ? {} : { schemas: schemasJson(body.schemas) }),
    ...(featureFlags === undefined ? {} : { feature_flags: featureFlags }),
    ...(body.groupName === undefined ? {} : { group_name: body.groupName }),
    ...(body.archived === undefined ? {} : { archived: body.archived }),
    ...(body.deprecated === undefined ? {} : { deprecated: body.deprecated }),
  };
}

function present<T>(row: T | undefined): T {
  if (row === undefined) throw notFound('Event type not found');
  return row;
}

/** The name in the path, which names nothing when it cannot be a name. */
function nameOf(params: Static<typeof EventTypeParams>): string {
  return present(isName(params.name) ? params.name : undefined);
}

export function registerEventTypeRoutes(api: Api, deps: ApiDeps): void {
  const { queries } = deps.db;
  const path = '/api/v1/event-type/:name';
  const one = { params: EventTypeParams };

  api.get('/api/v1/event-type', { schema: { querystring: ListQuery } }, async (request) => {
    const { include_archived: includeArchived = false, with_content: withContent = false } = request.query;
    const page = parsePage(request.query, { order: 'ascending', key: namePattern });
    const rows = await listEventTypes(queries, request.environmentId, page.keyset, { includeArchived });
    const wire = withContent
      ? wireEventType
      : (row: EventTypeRow) => ({ ...wireEventType(row), schemas: null });
    return toList(rows, page, (row) => row.name, wire);
  });

  api.post('/api/v1/event-type', { schema: { body: EventTypeIn } }, async (request, reply) => {
    const key = { environmentId: request.environmentId, name: request.body.name };
    const row = await insertEventType(queries, key, contentOf(request.body));
    if (row === undefined) throw conflict('an event type with this name exists already', 'event_type_exists');
    return reply.code(201).send(wireEventType(row));
  });

  api.get(path, { schema: one }, async (request) => {
    return wireEventType(
      present(await findEventType(queries, request.environmentId, nameOf(request.params))),
    );
  });

  api.put(path, { schema: { ...one, body: EventTypeUpsertIn } }, async (request, reply) => {
    checkPathUid(request.params.name, 'name');
    const key = { environmentId: request.environmentId, name: request.params.name };
    const { row, created } = await upsertEventType(queries, key, contentOf(request.body));
    return reply.code(created ? 201 : 200).send(wireEventType(row));
  });

  api.patch(path, { schema: { ...one, body: EventTypePatch } }, async (request) => {
    const name = nameOf(request.params);
    const row = await updateEventType(queries, request.environmentId, name, changesOf(request.body));
    return wireEventType(present(row));
  });

  api.delete(path, { schema: { ...one, querystring: DeleteQuery } }, async (request, reply) => {
    const name = nameOf(request.params);
    const found =
      request.query.expunge === true
        ? await expungeEventType(queries, request.environmentId, name)
        : (await updateEventType(queries, request.environmentId, name, { archived: true })) !== undefined;
    if (!found) throw notFound('Event type not found');
    return reply.code(204).send();
  });
}
