// The environment's event types as an OpenAPI document, for the readers of the sender's documentation.
import { Readable } from 'node:stream';
import { catalogHead, catalogSchema, catalogWebhook } from '../core/openapi-catalog.ts';
import type { CatalogEventType } from '../core/openapi-catalog.ts';
import { findEnvironment } from '../store/environments.ts';
import { eachEventType } from '../store/event-types.ts';
import type { EventTypeRow } from '../store/event-types.ts';
import { reading } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { jsonContentType } from './message-wire.ts';
import { notFound } from './problems.ts';

function catalogEventType(row: EventTypeRow): CatalogEventType {
  const { name, description, deprecated, schemas, group_name: groupName, feature_flags: featureFlags } = row;
  return { name, description, deprecated, schemas, groupName, featureFlags };
}

/** The members of a JSON object, one for each event type that `valueOf` has something to say of. */
async function* members(
  deps: ApiDeps,
  environmentId: string,
  valueOf: (eventType: CatalogEventType) => unknown,
): AsyncGenerator<string> {
  let separator = '';
  for await (const row of eachEventType(deps.db.queries, environmentId, { includeArchived: false })) {
    const value = valueOf(catalogEventType(row));
    if (value === undefined) continue;
    yield `${separator}${JSON.stringify(row.name)}:${JSON.stringify(value)}`;
    separator = ',';
  }
}

// Written as it is read: with all its schemas, a large catalog is not held in memory.
async function* catalogText(
  deps: ApiDeps,
  environmentId: string,
  head: ReturnType<typeof catalogHead>,
): AsyncGenerator<string> {
  yield `${JSON.stringify(head).slice(0, -1)},"webhooks":{`;
  yield* members(deps, environmentId, catalogWebhook);
  yield '},"components":{"schemas":{';
  yield* members(deps, environmentId, catalogSchema);
  yield '}}}';
}

export function registerEventTypeCatalogRoutes(api: Api, deps: ApiDeps): void {
  api.get(
    '/api/v1/event-type/openapi.json',
    { config: reading, schema: {} },
    async ({ environmentId }, reply) => {
      const environment = await findEnvironment(deps.db.queries, environmentId);
      if (environment === undefined) throw notFound('Environment not found');
      const head = catalogHead(`Webhooks of ${environment.name}`, environment.event_types_version);
      return reply.type(jsonContentType).send(Readable.from(catalogText(deps, environmentId, head)));
    },
  );
}
