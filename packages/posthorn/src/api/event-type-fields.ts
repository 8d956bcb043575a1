// What an event type is on the wire, for all the routes that take or show one.
import Type from 'typebox';
import type { Static } from 'typebox';
import type { EventTypeChanges, EventTypeContent, EventTypeRow } from '../store/event-types.ts';
import { countEventTypes } from '../store/event-types.ts';
import type { Queries } from '../store/database.ts';
import type { ApiDeps } from './context.ts';
import { nameText, nullable } from './fields.ts';
import { ApiError, invalid } from './problems.ts';
import { schemasMaxBytes } from './schemas/desk.ts';

const descriptionMaxChars = 65_536;
const featureFlagsMax = 100;
/** How many an environment may have, archived ones included. */
export const eventTypesMax = 5_000;

// GET /event-type/openapi.json is the catalog, not an event type.
const reservedNames: readonly string[] = ['openapi.json'];

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
  validation: Type.Optional(Type.Union([Type.Literal('none'), Type.Literal('reject')])),
};

export const EventTypeUpsertIn = Type.Object({ description: descriptionText, ...optionalFields });
export const EventTypeIn = Type.Object({
  name: Type.String(nameText),
  description: descriptionText,
  ...optionalFields,
});
export type EventTypeIn = Static<typeof EventTypeIn>;
export const EventTypePatch = Type.Object({ description: Type.Optional(descriptionText), ...optionalFields });

export function wireEventType(row: EventTypeRow) {
  return {
    name: row.name,
    description: row.description,
    schemas: row.schemas,
    archived: row.archived,
    deprecated: row.deprecated,
    groupName: row.group_name,
    featureFlags: row.feature_flags,
    featureFlag: row.feature_flags?.[0] ?? null,
    validation: row.validation,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** Undefined when the body names none of its two forms. */
export function featureFlagsOf(body: Static<typeof EventTypePatch>): string[] | null | undefined {
  if (body.featureFlags !== undefined) return body.featureFlags?.length === 0 ? null : body.featureFlags;
  if (body.featureFlag === undefined || body.featureFlag === null) return body.featureFlag;
  return [body.featureFlag];
}

function schemasJson(schemas: Record<string, unknown> | null): string | null {
  return schemas === null ? null : JSON.stringify(schemas);
}

/** The columns that a whole event type sets: what it leaves out gets its default. */
export function contentOf(body: Static<typeof EventTypeUpsertIn>): EventTypeContent {
  return {
    description: body.description,
    schemas: schemasJson(body.schemas ?? null),
    feature_flags: featureFlagsOf(body) ?? null,
    group_name: body.groupName ?? null,
    archived: body.archived ?? false,
    deprecated: body.deprecated ?? false,
    // Left out, it stays: clients that do not know it must not switch it off.
    ...(body.validation === undefined ? {} : { validation: body.validation }),
  };
}

/** The columns that a patch names; null clears, absent leaves alone. */
export function changesOf(body: Static<typeof EventTypePatch>): EventTypeChanges {
  const featureFlags = featureFlagsOf(body);
  return {
    ...(body.description === undefined ? {} : { description: body.description }),
    ...(body.schemas === undefined ? {} : { schemas: schemasJson(body.schemas) }),
    ...(featureFlags === undefined ? {} : { feature_flags: featureFlags }),
    ...(body.groupName === undefined ? {} : { group_name: body.groupName }),
    ...(body.archived === undefined ? {} : { archived: body.archived }),
    ...(body.deprecated === undefined ? {} : { deprecated: body.deprecated }),
    ...(body.validation === undefined ? {} : { validation: body.validation }),
  };
}

/** `place`: where the name stands, such as ['body', 'name']. Throws 422 for a name that is an address of its own. */
export function checkEventTypeName(name: string, place: string[]): void {
  if (!reservedNames.includes(name)) return;
  throw invalid([
    { loc: place, msg: 'is the address of the catalog: choose another name', type: 'value_error' },
  ]);
}

/** `place`: where the schemas stand. Throws 422 naming every place in them that makes them no JSON Schemas. */
export async function checkEventTypeSchemas(
  { schemas: desk }: ApiDeps,
  environmentId: string,
  schemas: Record<string, unknown> | null | undefined,
  place: string[] = ['body', 'schemas'],
): Promise<void> {
  if (schemas === null || schemas === undefined) return;
  const refuse = (msg: string) => invalid([{ loc: place, msg, type: 'value_error' }]);
  const json = JSON.stringify(schemas);
  const sizeBytes = Buffer.byteLength(json);
  if (sizeBytes > schemasMaxBytes) {
    throw refuse(`are ${sizeBytes} bytes as JSON, at most ${schemasMaxBytes} are allowed`);
  }
  const problems = await desk.check(environmentId, json);
  if (!Array.isArray(problems))
    throw refuse(`cannot be used, compiling them ${problems.msg}: make them simpler`);
  if (problems.length === 0) return;
  throw invalid(problems.map(({ path, msg }) => ({ loc: [...place, ...path], msg, type: 'value_error' })));
}

/** To be called after event types were added, in the transaction that did it. Throws 400 when there are too many now. */
export async function checkEventTypeCount(transaction: Queries, environmentId: string): Promise<void> {
  if ((await countEventTypes(transaction, environmentId)) <= eventTypesMax) return;
  const detail = `an environment can have ${eventTypesMax} event types: expunge some first (DELETE with expunge=true)`;
  throw new ApiError('limit_reached', 400, detail);
}
