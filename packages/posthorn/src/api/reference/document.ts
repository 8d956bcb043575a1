// The OpenAPI document of the API, made of the routes as they were registered: what a request is checked with is what
// the document says. Nothing needs to be added to a new route; a summary, a title or an answer's schema make it better.
import type { RouteOptions } from 'fastify';
import { version } from '../../lib/version.ts';
import { knownAnswers } from './answers.ts';
import type { Answers } from './answers.ts';
import { isJsonObject, type Json, type JsonObject, SchemaWriter, textOf } from './schemas.ts';
import { describeOperation, routeKey } from './operations.ts';
import { problemStatuses } from '../problems.ts';

/** What of a route the document is made of. */
export type DescribedRoute = Pick<RouteOptions, 'url' | 'schema' | 'config'> & { method: string };

const documented = /^\/(?:[a-z-]+\/)?api\/v1\//;

function isDescribed({ method, url, schema }: DescribedRoute): boolean {
  if (method === 'HEAD' || method === 'OPTIONS' || schema?.hide === true) return false;
  return documented.test(url) && !url.includes('*');
}

/** Whether a route is served without a token. */
function isPublic(config: unknown): boolean {
  const { access } = (config ?? {}) as Record<string, unknown>;
  return access === 'public';
}

const parameterDescriptions: Readonly<Record<string, string>> = {
  app: 'The id or uid of an application',
  endpoint: 'The id or uid of an endpoint',
  endpoint_id: 'The id or uid of an endpoint',
  source: 'The id or uid of a source',
  request: 'The id of a request',
  issue: 'The id of an issue',
  app_id: 'The id or uid of an application',
  state: 'Only issues in this state',
  msg: 'The id or eventId of a message',
  attempt: 'The id of an attempt',
  name: 'The name of an event type',
  token: 'The id of a token',
  limit: 'How many items a page has at most',
  iterator: '`iterator` or `prevIterator` of an earlier page',
  order: 'The order of the items',
  before: 'Only what is older than this time, exclusive',
  after: 'Only what is newer than this time, exclusive',
  channel: 'Only messages of this channel',
  tag: 'Only messages with this tag',
  event_types: 'Only messages of these event types, as `a,b` or repeated',
  exclude_apps_with_no_endpoints: 'Leaves out applications without an endpoint',
  exclude_apps_with_disabled_endpoints: 'Leaves out applications whose endpoints are all disabled',
  exclude_apps_with_svix_play_endpoints: 'Leaves out applications whose endpoints are all at play.svix.com',
  with_content: 'Whether payloads, answers or schemas are part of the answer',
  with_msg: 'Whether each attempt shows its message, without the payload',
  status: 'Only this status: 0 success, 1 pending, 2 fail, 3 sending, 4 canceled',
  status_code_class: 'Only answers of this class: 200 for 200 to 299, 0 for no answer',
  expanded_statuses: 'Whether canceled is told as canceled (4) or, for older clients, as success (0)',
  verdict: 'Only requests with this verdict',
  get_if_exists: 'Answer 200 with the application that has this uid already, instead of 409',
  include_archived: 'Whether archived ones are listed too',
  expunge: 'Remove it for good, instead of archiving it',
};

function parameters(writer: SchemaWriter, schema: unknown, place: 'path' | 'query' | 'header'): Json[] {
  // Not through the writer as a whole: it would make a component of parameters that have a title.
  const { properties, required } = JSON.parse(JSON.stringify(schema ?? {})) as JsonObject;
  if (!isJsonObject(properties)) return [];
  const names = Object.keys(properties).filter((name) => !name.endsWith('[]'));
  return names.map((name) => {
    const written = writer.write(properties[name]);
    const { description: own, ...rest } = isJsonObject(written) ? written : {};
    const description = own ?? parameterDescriptions[name];
    return {
      name,
      in: place,
      required: place === 'path' || (Array.isArray(required) && required.includes(name)),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

/** The parameters of the path, also of a route that does not declare them. */
function pathParameters(writer: SchemaWriter, { url, schema }: DescribedRoute): Json[] {
  const declared = parameters(writer, schema?.params, 'path');
  const names = declared.map((parameter) => (isJsonObject(parameter) ? parameter.name : undefined));
  const missing = [...url.matchAll(/:([A-Za-z_]\w*)/g)].flatMap(([, name]) =>
    name === undefined || names.includes(name) ? [] : [name],
  );
  const properties = Object.fromEntries(missing.map((name) => [name, { type: 'string' }]));
  return [...declared, ...parameters(writer, { properties }, 'path')];
}

function jsonContent(schema: Json): JsonObject {
  return { 'application/json': { schema } };
}

/** `ApplicationIn` for the body of `v1.application.create`, `EndpointRotateSecretIn` of `v1.endpoint.rotate-secret`. */
function bodyName(id: string): string {
  const words = id.split(/[.-]/).slice(1);
  const verb = words.at(-1) ?? '';
  const suffix = suffixes[verb];
  const kept = suffix === undefined ? words : words.slice(0, -1);
  return kept.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('') + (suffix ?? 'In');
}

const suffixes: Readonly<Record<string, string>> = {
  create: 'In',
  upsert: 'Update',
  update: 'Update',
  patch: 'Patch',
};

function requestBody(writer: SchemaWriter, { method, schema }: DescribedRoute, id: string): JsonObject {
  if (schema?.body === undefined || method === 'GET' || method === 'DELETE') return {};
  const written = writer.write({ title: bodyName(id), ...schema.body });
  const branches: unknown = Reflect.get(schema.body as object, 'anyOf');
  const isOptional =
    Array.isArray(branches) && branches.some((branch) => Reflect.get(branch as object, 'type') === 'null');
  return { requestBody: { required: !isOptional, content: jsonContent(written) } };
}

const successTexts: Readonly<Record<string, string>> = {
  200: 'Done',
  201: 'Created',
  202: 'Accepted',
  204: 'Done; there is nothing to tell',
};

function successes(writer: SchemaWriter, route: DescribedRoute): JsonObject {
  const { method, url, schema: given } = route;
  const declared = (given?.response as Answers | undefined) ?? knownAnswers(routeKey(method, url));
  if (declared === undefined) return { '2XX': { description: 'Done' } };
  const answers = Object.entries(declared).filter(([status]) => status.startsWith('2'));
  return Object.fromEntries(
    answers.map(([status, schema]) => {
      const description = successTexts[status] ?? 'Done';
      return [
        status,
        schema === null ? { description } : { description, content: jsonContent(writer.write(schema)) },
      ];
    }),
  );
}

function problemName(status: number): string {
  return `Problem${status}`;
}

function problems({ method, url, schema, config }: DescribedRoute): JsonObject {
  const changes = method !== 'GET';
  const hasBody = schema?.body !== undefined;
  const reads = hasBody || schema?.querystring !== undefined;
  const statuses = [
    ...(reads ? [400, 422] : []),
    ...(isPublic(config) ? [] : [401]),
    ...(url.includes(':') ? [404] : []),
    ...(changes ? [409] : []),
    ...(hasBody ? [413, 415] : []),
    500,
    503,
  ];
  return Object.fromEntries(
    statuses.map((status) => [String(status), { $ref: `#/components/responses/${problemName(status)}` }]),
  );
}

// The operation's id names its noun: `message-attempt` of `v1.message-attempt.get`.
function tagOf(id: string): string {
  const words = (id.split('.')[1] ?? '').replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function operationOf(writer: SchemaWriter, route: DescribedRoute): JsonObject {
  const { method, url, schema, config } = route;
  const isList = isJsonObject(JSON.parse(JSON.stringify(schema?.querystring ?? {}))?.properties?.limit);
  const described = describeOperation(method, url, isList);
  const id = schema?.operationId ?? described.id;
  return {
    operationId: id,
    summary: schema?.summary ?? described.summary,
    ...(schema?.description === undefined ? {} : { description: schema.description }),
    tags: schema?.tags ?? [tagOf(id)],
    ...(isPublic(config) ? { security: [] } : {}),
    parameters: [
      ...pathParameters(writer, route),
      ...parameters(writer, schema?.querystring, 'query'),
      ...parameters(writer, schema?.headers, 'header'),
      ...(idempotentRoutes.has(routeKey(method, url)) ? [idempotencyHeader] : []),
    ],
    ...requestBody(writer, route, id),
    responses: { ...successes(writer, route), ...problems(route) },
  };
}

// Their handlers read this header themselves, without a schema: they are the hot path.
const idempotentRoutes = new Set(['POST /app/{}/msg', 'POST /app/{}/msg/batch']);
const idempotencyHeader: JsonObject = {
  name: 'idempotency-key',
  in: 'header',
  required: false,
  description: 'The same body under the same key is one message; another body under it is refused with 422',
  schema: { type: 'string', minLength: 1, maxLength: 256 },
};

const problemTexts: Readonly<Record<number, string>> = {
  400: 'The request cannot be served as it is',
  401: 'No token, or one that is not valid',
  404: 'Unknown, deleted, or of another environment',
  409: 'In conflict with what is there',
  413: 'The body is too large',
  415: 'The body is not application/json',
  422: 'Wrong fields, each named in `detail`',
  500: 'A bug; the log has it under the request id',
  503: 'The database is away; `Retry-After` says when to try again',
};

const problemSchema: JsonObject = {
  type: 'object',
  description: 'Every error. `code` is stable; `detail` is for people, or of a 422 the list of wrong fields.',
  required: ['code', 'detail'],
  properties: {
    code: { type: 'string', enum: problemStatuses.map(([code]) => code) },
    detail: {
      anyOf: [{ type: 'string' }, { type: 'array', items: { $ref: '#/components/schemas/FieldProblem' } }],
    },
  },
};
const fieldProblemSchema: JsonObject = {
  type: 'object',
  required: ['loc', 'msg', 'type'],
  properties: {
    loc: { type: 'array', items: { type: 'string' }, description: 'Where, such as `["body", "url"]`' },
    msg: { type: 'string', description: 'What is wrong, and how to make it right' },
    type: { type: 'string' },
  },
};

function problemResponses(): JsonObject {
  const statuses = Object.keys(problemTexts).map(Number);
  return Object.fromEntries(
    statuses.map((status) => {
      const codes = problemStatuses.filter(([, of]) => of === status).map(([code]) => `\`${code}\``);
      const description = `${problemTexts[status]}: ${codes.join(', ')}`;
      return [
        problemName(status),
        { description, content: jsonContent({ $ref: '#/components/schemas/Problem' }) },
      ];
    }),
  );
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

function byPathAndMethod(a: DescribedRoute, b: DescribedRoute): number {
  if (a.url !== b.url) return a.url < b.url ? -1 : 1;
  return methods.indexOf(a.method) - methods.indexOf(b.method);
}

/** Two operations never share an id: the later one by path gets a number. */
function withUniqueId(operation: JsonObject, taken: Set<Json>): JsonObject {
  const { operationId: id = '' } = operation;
  let unique = id;
  for (let count = 2; taken.has(unique); count += 1) unique = `${textOf(id)}.${count}`;
  taken.add(unique);
  return { ...operation, operationId: unique };
}

/** The same routes always make the same document, in whatever order they were registered. */
export function openApiDocument(routes: readonly DescribedRoute[]): JsonObject {
  const writer = new SchemaWriter();
  const paths: Record<string, JsonObject> = {};
  const taken = new Set<Json>();
  for (const route of routes.filter(isDescribed).toSorted(byPathAndMethod)) {
    const path = route.url.replaceAll(/:([A-Za-z_]\w*)/g, '{$1}');
    const operation = withUniqueId(operationOf(writer, route), taken);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation };
  }
  const tags = new Set(
    Object.values(paths).flatMap((item) =>
      Object.values(item).flatMap((operation) =>
        isJsonObject(operation) && Array.isArray(operation.tags) ? operation.tags.map(String) : [],
      ),
    ),
  );
  const schemas = [...writer.components].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Posthorn',
      version,
      summary: 'Webhooks, both ways, on one PostgreSQL.',
      description: 'The API of Svix, so that its client libraries work with Posthorn by changing one URL.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This server' }],
    security: [{ bearer: [] }],
    tags: [...tags].toSorted().map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token; its environment is all that it sees',
        },
      },
      responses: problemResponses(),
      schemas: { ...Object.fromEntries(schemas), Problem: problemSchema, FieldProblem: fieldProblemSchema },
    },
  };
}
