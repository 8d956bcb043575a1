// The API's own document: as it is committed, valid, whole, and true to the routes; and the page made of it.
import { fileURLToPath } from 'node:url';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import Type from 'typebox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openApiDocument } from '../src/api/reference/document.ts';
import { request, startTestApi } from './support/api.ts';
import type { ApiAnswer, TestApi } from './support/api.ts';
import { clientTypes } from './support/client-types.ts';

const committed = fileURLToPath(new URL('../../../docs/openapi.json', import.meta.url));
const typesFile = fileURLToPath(new URL('../src/client/operations.ts', import.meta.url));
const command = 'npm run openapi';

interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  parameters: { name: string; in: string; required: boolean; description?: string; schema: object }[];
  requestBody?: { required: boolean; content: { 'application/json': { schema: { $ref?: string } } } };
  responses: Record<string, { content?: object; $ref?: string; description?: string }>;
  security?: object[];
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, { properties?: Record<string, { type?: unknown; enum?: unknown }> }>;
  };
}

let posthorn: TestApi;
let answer: ApiAnswer;
let document: Document;
const routes: string[] = [];
beforeAll(async () => {
  posthorn = await startTestApi();
  answer = await request({ url: posthorn.url }, 'GET', '/api/v1/openapi.json');
  document = answer.body as unknown as Document;
  routes.push(...routesOf(posthorn.api.printRoutes({ commonPrefix: false })));
});
afterAll(() => posthorn.stop());

/** Fastify's tree of routes as lines `GET /api/v1/app/{app}`. */
function routesOf(tree: string): string[] {
  const parents: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', part = '', methods = ''] = /^([│ ]*)[├└]── (\S*) ?(?:\((.+)\))?$/.exec(line) ?? [];
    const depth = indent.length / 4;
    parents.length = depth;
    parents.push(part);
    const path = parents.join('').replaceAll(/:(\w+)/g, '{$1}');
    return methods.split(', ').flatMap((method) => (method === '' ? [] : [`${method} ${path}`]));
  });
}

function operations(): [route: string, operation: Operation][] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );
}

function operationAt(route: string): Operation {
  const found = operations().find(([name]) => name === route)?.[1];
  if (found === undefined) throw new Error(`${route} is not in the document`);
  return found;
}

describe('the document', () => {
  test(`docs/openapi.json is committed as the server answers it; ${command} writes it`, async () => {
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    await expect(answer.text, `docs/openapi.json is stale: run ${command}`).toMatchFileSnapshot(committed);
  });

  test(`the client's types are committed as the document has them; ${command} writes them`, async () => {
    const types = clientTypes(JSON.parse(answer.text) as Parameters<typeof clientTypes>[0]);
    await expect(types, `src/client/operations.ts is stale: run ${command}`).toMatchFileSnapshot(typesFile);
  });

  test('a linter for OpenAPI 3.1 finds nothing wrong', async () => {
    const config = await createConfig({
      extends: ['recommended'],
      rules: { 'operation-4xx-response': 'off', 'tag-description': 'off' },
    });
    const problems = await lintFromString({ source: answer.text, absoluteRef: 'openapi.json', config });
    expect(problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual(
      [],
    );
  });

  test('the linter does find what is wrong', async () => {
    const config = await createConfig({ extends: ['recommended'] });
    const source = answer.text.replaceAll(
      '#/components/schemas/ApplicationOut',
      '#/components/schemas/Nobody',
    );
    const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config });
    expect(problems.map(({ ruleId }) => ruleId)).toContain('no-unresolved-refs');
  });

  test('every route of the API is in it, and nothing else', () => {
    const served = routes.filter(
      (route) => / (?:\/ingest)?\/api\/v1\//.test(route) && !/^(HEAD|OPTIONS)/.test(route),
    );
    expect(served.length).toBeGreaterThan(40);
    expect(
      operations()
        .map(([route]) => route)
        .toSorted(),
    ).toEqual(served.toSorted());
  });

  test('every operation has a summary, one tag and answers, and wants a token unless it is public', async () => {
    for (const [route, { summary, tags, responses, security }] of operations()) {
      expect(summary, route).toMatch(/^[A-Z]/);
      expect(tags, route).toHaveLength(1);
      expect(
        Object.keys(responses).some((status) => status.startsWith('2')),
        route,
      ).toBe(true);
      const [method = '', path = ''] = route.split(' ');
      const { status } = await request({ url: posthorn.url }, method, path.replaceAll(/[{}]/g, ''));
      expect(status === 401, route).toBe(security === undefined);
      expect('401' in responses, route).toBe(security === undefined);
    }
  });

  test('ids are those of the reference', () => {
    expect(operationAt('POST /api/v1/app').operationId).toBe('v1.application.create');
    expect(operationAt('GET /api/v1/app/{app}/endpoint/{endpoint}/secret').operationId).toBe(
      'v1.endpoint.get-secret',
    );
    expect(operationAt('GET /api/v1/app/{app}/attempt/msg/{msg}').operationId).toBe(
      'v1.message-attempt.list-by-msg',
    );
  });

  test('what a request is checked with is what it says', () => {
    const { parameters, requestBody } = operationAt('POST /api/v1/app');
    expect(parameters).toEqual([
      {
        name: 'get_if_exists',
        in: 'query',
        required: false,
        description: expect.any(String),
        schema: { type: 'boolean' },
      },
    ]);
    expect(requestBody).toEqual({
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/ApplicationIn' } } },
    });
    expect(document.components.schemas.ApplicationIn).toMatchObject({
      required: ['name'],
      properties: { name: { minLength: 1 }, uid: { type: ['string', 'null'], maxLength: 256 } },
    });
    const order = operationAt('GET /api/v1/app').parameters.find((parameter) => parameter.name === 'order');
    expect(order?.schema).toEqual({ type: 'string', enum: ['ascending', 'descending'] });
    expect(
      operationAt('POST /api/v1/app/{app}/endpoint/{endpoint}/secret/rotate').requestBody?.required,
    ).toBe(false);
  });

  test('a message can carry an idempotency key', () => {
    const names = operationAt('POST /api/v1/app/{app}/msg').parameters.map((parameter) => parameter.name);
    expect(names).toContain('idempotency-key');
  });
});

describe('a route that says nothing of itself', () => {
  const described = (method: string, url: string, schema = {}) =>
    openApiDocument([{ method, url, schema }]) as unknown as Document;

  test('gets an id, a summary, its parameters and an answer', () => {
    const { paths } = described('POST', '/api/v1/app/:app/new-thing/:thing/do-it');
    expect(paths['/api/v1/app/{app}/new-thing/{thing}/do-it']?.post).toMatchObject({
      operationId: 'v1.app.new-thing.do-it.create',
      summary: 'Create app new thing do it',
      tags: ['App'],
      parameters: [
        { name: 'app', in: 'path', required: true },
        { name: 'thing', in: 'path', required: true },
      ],
      responses: { '2XX': { description: 'Done' } },
    });
  });

  test('what it does say wins', () => {
    const schema = {
      operationId: 'v1.thing.make',
      summary: 'Make a thing',
      description: 'Of any kind.',
      tags: ['Things'],
      response: { 201: Type.Object({ id: Type.String() }, { title: 'ThingOut' }) },
    };
    const { paths, components } = described('POST', '/api/v1/thing', schema);
    expect(paths['/api/v1/thing']?.post).toMatchObject({
      operationId: 'v1.thing.make',
      summary: 'Make a thing',
      description: 'Of any kind.',
      tags: ['Things'],
      responses: {
        201: { content: { 'application/json': { schema: { $ref: '#/components/schemas/ThingOut' } } } },
      },
    });
    expect(components.schemas.ThingOut?.properties).toEqual({ id: { type: 'string' } });
    expect(described('GET', '/api/v1/thing', { hide: true }).paths).toEqual({});
  });

  test('two operations never share an id, nor two schemas a name', () => {
    const body = (property: string) => Type.Object({ [property]: Type.String() }, { title: 'Same' });
    const { paths, components } = openApiDocument([
      { method: 'POST', url: '/api/v1/thing/:a', schema: { body: body('one') } },
      { method: 'POST', url: '/api/v1/thing', schema: { body: body('two') } },
    ]) as unknown as Document;
    const ids = Object.values(paths).map((item) => item.post?.operationId);
    expect(new Set(ids).size).toBe(2);
    expect(Object.keys(components.schemas.Same?.properties ?? {})).toEqual(['two']);
    expect(paths['/api/v1/thing/{a}']?.post?.requestBody?.content['application/json'].schema).toMatchObject({
      properties: { one: { type: 'string' } },
    });
  });

  test('the order of registration does not matter', () => {
    const things = ['/api/v1/b', '/api/v1/a', '/api/v1/c'].flatMap((url) => [
      { method: 'POST', url },
      { method: 'GET', url },
    ]);
    expect(JSON.stringify(openApiDocument(things))).toBe(
      JSON.stringify(openApiDocument(things.toReversed())),
    );
  });
});

describe('the page', () => {
  test('every operation and schema is on it, without script or anything from elsewhere', async () => {
    const response = await fetch(`${posthorn.url}/docs`);
    const html = await response.text();
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy');
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'; base-uri 'none'/);
    expect(html).not.toMatch(/<script|<link|<img|style="|src=|https?:/);
    for (const [, { operationId }] of operations()) expect(html).toContain(`<article id="${operationId}">`);
    for (const name of Object.keys(document.components.schemas))
      expect(html).toContain(`id="schema-${name}"`);
    const links = [...html.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    for (const id of new Set(links)) expect(html, `#${id}`).toContain(`id="${id}"`);
  });
});
