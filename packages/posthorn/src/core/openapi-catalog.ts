// From event types to an OpenAPI document: what `openapi-webhooks.ts` reads, the other way round.
import { latestSchema } from './schema-version.ts';
import { mapSchema } from './schema-refs.ts';

export interface CatalogEventType {
  name: string;
  description: string;
  deprecated: boolean;
  schemas: Record<string, unknown> | null;
  groupName: string | null;
  featureFlags: readonly string[] | null;
}

/** What stands before the webhooks. Schemas that name no dialect are of draft 7, here as everywhere in Posthorn. */
export function catalogHead(title: string, version: string) {
  return {
    openapi: '3.1.0',
    info: { title, version },
    jsonSchemaDialect: 'http://json-schema.org/draft-07/schema#',
  };
}

/** The path item of an event type. */
export function catalogWebhook(eventType: CatalogEventType) {
  const { name, description, deprecated, groupName, featureFlags } = eventType;
  const content =
    latestSchema(eventType.schemas) === undefined ? {} : { schema: { $ref: componentOf(name) } };
  return {
    post: {
      operationId: name,
      description,
      ...(deprecated ? { deprecated } : {}),
      ...(groupName === null ? {} : { tags: [groupName], 'x-svix-group-name': groupName }),
      ...(featureFlags === null ? {} : { 'x-svix-feature-flags': featureFlags }),
      requestBody: { required: true, content: { 'application/json': content } },
      responses: { '2XX': { description: 'The message has arrived.' } },
    },
  };
}

/** Its schema as a component, undefined when it has none. References in it lead to the component. */
export function catalogSchema({ name, schemas }: CatalogEventType): unknown {
  const ref = (reference: string) =>
    reference === '#' || reference.startsWith('#/') ? componentOf(name) + reference.slice(1) : reference;
  return mapSchema(latestSchema(schemas), { ref });
}

function componentOf(name: string): string {
  return `#/components/schemas/${name}`;
}
