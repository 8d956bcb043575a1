// From an OpenAPI document to event types: each of its `webhooks` (3.1) or `x-webhooks` (3.0) is one.
import { bundleSchema } from './schema-bundle.ts';
import type { OpenapiVersion } from './schema-bundle.ts';
import { isObject, resolvePointer, SchemaTooLargeError } from './schema-refs.ts';
import type { SchemaObject } from './schema-refs.ts';

export interface ImportedEventType {
  name: string;
  description: string;
  deprecated: boolean;
  /** By version: what a document says is version 1. */
  schemas: Record<string, unknown> | null;
  /** Null: the document names none. */
  groupName: string | null;
  featureFlags: string[] | null;
}

/** One wrong place in the document. */
export interface DocumentProblem {
  path: string[];
  msg: string;
}

export interface ImportLimits {
  webhooksMax: number;
  schemasMaxBytes: number;
}

const schemaVersion = '1';
const nameMaxChars = 256;
const namePattern = /^[a-zA-Z0-9\-_.]+$/;
const descriptionMaxChars = 65_536;
const featureFlagsMax = 100;
const hopsMax = 20;
const methods = ['post', 'put', 'patch', 'get', 'delete'];

/** What is wrong with one webhook; the others are read all the same. */
class WebhookError extends Error {
  readonly path: string[];

  constructor(path: string[], message: string) {
    super(message);
    this.path = path;
  }
}

interface Reader {
  document: SchemaObject;
  version: OpenapiVersion;
  limits: ImportLimits;
}

/** The object itself, or the one that its `$ref` leads to. */
function dereference({ document }: Reader, value: unknown): SchemaObject {
  let at = value;
  for (let hops = 0; hops < hopsMax && isObject(at) && typeof at.$ref === 'string'; hops += 1) {
    const reference = at.$ref;
    at = resolvePointer(document, reference);
    if (at === undefined)
      throw new WebhookError([], `${reference.slice(0, nameMaxChars)} leads to nothing in the document`);
  }
  return isObject(at) ? at : {};
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= nameMaxChars && namePattern.test(value);
}

function nameOf(key: string, operation: SchemaObject): string {
  const name = [key, operation.operationId].find(isName);
  if (name !== undefined) return name;
  throw new WebhookError(
    [],
    'is no event type\'s name (letters, digits, "-", "_", "."), and its operationId is none either',
  );
}

function descriptionOf(item: SchemaObject, operation: SchemaObject): string {
  const texts = [operation.description, operation.summary, item.description, item.summary];
  const description = texts.find((text) => typeof text === 'string') ?? '';
  if (description.length <= descriptionMaxChars) return description;
  throw new WebhookError(['description'], `must not be longer than ${descriptionMaxChars} characters`);
}

function groupNameOf(operation: SchemaObject): string | null {
  const groupName = operation['x-svix-group-name'] ?? null;
  if (groupName === null || isName(groupName)) return groupName;
  throw new WebhookError(['x-svix-group-name'], 'must be a name');
}

function featureFlagsOf(operation: SchemaObject): string[] | null {
  const single = operation['x-svix-feature-flag'];
  const flags = operation['x-svix-feature-flags'] ?? (single === undefined ? null : [single]);
  if (flags === null) return null;
  if (Array.isArray(flags) && flags.length <= featureFlagsMax && flags.every(isName)) {
    return flags.length === 0 ? null : flags;
  }
  throw new WebhookError(['x-svix-feature-flags'], `must be a list of at most ${featureFlagsMax} names`);
}

function jsonContentOf(reader: Reader, operation: SchemaObject): SchemaObject {
  const { content } = dereference(reader, operation.requestBody);
  if (!isObject(content)) return {};
  const type = Object.keys(content).find((name) => /^application\/([\w.-]+\+)?json\b/.test(name));
  return type === undefined ? {} : dereference(reader, content[type]);
}

/** The examples that stand beside the schema. */
function examplesOf(reader: Reader, content: SchemaObject): unknown[] {
  if (content.example !== undefined) return [content.example];
  if (!isObject(content.examples)) return [];
  return Object.values(content.examples).flatMap((example) => {
    const { value } = dereference(reader, example);
    return value === undefined ? [] : [value];
  });
}

function schemasOf(reader: Reader, operation: SchemaObject): ImportedEventType['schemas'] {
  const content = jsonContentOf(reader, operation);
  if (content.schema === undefined) return null;
  try {
    const schema = bundleSchema(reader.document, content.schema, reader.version);
    const examples = examplesOf(reader, content);
    const adds = isObject(schema) && schema.examples === undefined && examples.length > 0;
    const schemas = { [schemaVersion]: adds ? { ...schema, examples } : schema };
    if (JSON.stringify(schemas).length <= reader.limits.schemasMaxBytes) return schemas;
  } catch (error) {
    // A document in YAML can contain itself, which no text of JSON can.
    if (!(error instanceof SchemaTooLargeError || error instanceof TypeError)) throw error;
  }
  const max = reader.limits.schemasMaxBytes;
  throw new WebhookError(['schema'], `is larger than ${max} bytes with everything that it refers to`);
}

// JSON.stringify writes U+0000, and half of a surrogate pair, as an escape: behind an even number of backslashes.
const unstorable = /(?:^|[^\\])(?:\\\\)*\\u(?:0000|d[89a-f])/;

function readWebhook(reader: Reader, key: string, value: unknown): ImportedEventType {
  const eventType = eventTypeOf(reader, key, value);
  if (!unstorable.test(JSON.stringify(eventType))) return eventType;
  throw new WebhookError([], 'holds U+0000 or half of a surrogate pair, which cannot be stored');
}

function eventTypeOf(reader: Reader, key: string, value: unknown): ImportedEventType {
  const item = dereference(reader, value);
  const method = methods.find((name) => isObject(item[name]));
  if (method === undefined) throw new WebhookError([], 'has no operation: give it a "post"');
  const operation = dereference(reader, item[method]);
  return {
    name: nameOf(key, operation),
    description: descriptionOf(item, operation),
    deprecated: operation.deprecated === true,
    schemas: schemasOf(reader, operation),
    groupName: groupNameOf(operation),
    featureFlags: featureFlagsOf(operation),
  };
}

function versionOf(document: SchemaObject): OpenapiVersion | undefined {
  const version = typeof document.openapi === 'string' ? document.openapi : '';
  if (version.startsWith('3.0')) return '3.0';
  return version.startsWith('3.') ? '3.1' : undefined;
}

// With all that they refer to: a component that a thousand webhooks name is copied a thousand times.
const schemasOfAllMaxBytes = 8 * 1024 * 1024;

interface ReadDocument {
  eventTypes: ImportedEventType[];
  problems: DocumentProblem[];
}

function refused(path: string[], msg: string): ReadDocument {
  return { eventTypes: [], problems: [{ path, msg }] };
}

/** Every event type of the document, and every place in it that is wrong. `document` is what its text was parsed to. */
export function readOpenapi(document: unknown, limits: ImportLimits): ReadDocument {
  if (!isObject(document)) return refused([], 'must be an OpenAPI document, which is an object');
  const version = versionOf(document);
  if (version === undefined) return refused(['openapi'], 'must be a version of OpenAPI 3, such as "3.1.0"');
  const groups = ['webhooks', 'x-webhooks'].filter((name) => isObject(document[name]));
  if (groups.length === 0) return refused(['webhooks'], 'the document has neither webhooks nor x-webhooks');
  const webhooks = groups.flatMap((group) =>
    Object.entries(document[group] as SchemaObject).map(([key, value]) => ({ group, key, value })),
  );
  if (webhooks.length > limits.webhooksMax) {
    return refused(['webhooks'], `must not have more than ${limits.webhooksMax} members`);
  }
  const reader = { document, version, limits };
  let leftBytes = schemasOfAllMaxBytes;
  const eventTypes = new Map<string, ImportedEventType>();
  const problems: DocumentProblem[] = [];
  for (const { group, key, value } of webhooks) {
    const refuse = (path: string[], msg: string) =>
      problems.push({ path: [group, key.slice(0, nameMaxChars), ...path], msg });
    try {
      const eventType = readWebhook(reader, key, value);
      if (eventTypes.has(eventType.name))
        refuse([], `is the second webhook for the event type ${eventType.name}`);
      leftBytes -= JSON.stringify(eventType.schemas).length;
      if (leftBytes < 0)
        return refused([group], `the schemas are larger than ${schemasOfAllMaxBytes} bytes together`);
      eventTypes.set(eventType.name, eventType);
    } catch (error) {
      if (!(error instanceof WebhookError)) throw error;
      refuse(error.path, error.message);
    }
  }
  return { eventTypes: [...eventTypes.values()], problems };
}
