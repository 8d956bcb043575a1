// OpenAPI documents and event types, in both directions, without a server.
import { describe, expect, test } from 'vitest';
import { catalogHead, catalogSchema, catalogWebhook } from '../src/core/openapi-catalog.ts';
import type { CatalogEventType } from '../src/core/openapi-catalog.ts';
import { readOpenapi } from '../src/core/openapi-webhooks.ts';

const limits = { webhooksMax: 10, schemasMaxBytes: 10_000 };
const draft2020 = 'https://json-schema.org/draft/2020-12/schema';
const json = (schema: unknown, more: object = {}) => ({
  content: { 'application/json': { schema, ...more } },
});
const post = (operation: object) => ({ post: operation });
const read = (document: object) => readOpenapi({ openapi: '3.1.0', ...document }, limits);
const schemaOf = (document: object) => {
  const { eventTypes, problems } = read(document);
  expect(problems).toEqual([]);
  return eventTypes[0]?.schemas?.[1];
};

test('name, text, group, flags and schema of a webhook', () => {
  const { eventTypes, problems } = read({
    webhooks: {
      'invoice.paid': post({
        description: 'An invoice was paid',
        summary: 'not this',
        deprecated: true,
        'x-svix-group-name': 'invoice',
        'x-svix-feature-flags': ['beta'],
        requestBody: json({ type: 'object' }),
      }),
      '/pets': post({ operationId: 'pet.new', summary: 'A pet', 'x-svix-feature-flag': 'pets' }),
    },
  });
  expect(problems).toEqual([]);
  expect(eventTypes).toEqual([
    {
      name: 'invoice.paid',
      description: 'An invoice was paid',
      deprecated: true,
      groupName: 'invoice',
      featureFlags: ['beta'],
      schemas: { 1: { $schema: draft2020, type: 'object' } },
    },
    {
      name: 'pet.new',
      description: 'A pet',
      deprecated: false,
      groupName: null,
      featureFlags: ['pets'],
      schemas: null,
    },
  ]);
});

test('what a schema refers to is taken along, loops and all, and nothing else', () => {
  const schemas = {
    Pet: { type: 'object', properties: { owner: { $ref: '#/components/schemas/Owner' } } },
    Owner: { type: 'object', properties: { pets: { items: { $ref: '#/components/schemas/Pet' } } } },
    Other: {},
  };
  const webhooks = { pet: post({ requestBody: json({ $ref: '#/components/schemas/Pet' }) }) };
  expect(schemaOf({ webhooks, components: { schemas } })).toEqual({
    $schema: draft2020,
    type: 'object',
    properties: { owner: { $ref: '#/$defs/Owner' } },
    $defs: { Owner: { type: 'object', properties: { pets: { items: { $ref: '#' } } } } },
  });
});

test('names of parts are made unique, and data that looks like a reference stays', () => {
  const data = { $ref: '#/components/schemas/a~1b' };
  const webhooks = {
    w: post({
      requestBody: json({
        allOf: [{ $ref: '#/components/schemas/a~1b' }, { $ref: '#/x/schemas/a_b' }],
        const: data,
        examples: [data],
        properties: { $ref: { type: 'string' } },
      }),
    }),
  };
  const parts = {
    components: { schemas: { 'a/b': { title: 'one' } } },
    x: { schemas: { a_b: { title: 'two' } } },
  };
  expect(schemaOf({ webhooks, ...parts })).toEqual({
    $schema: draft2020,
    allOf: [{ $ref: '#/$defs/a_b' }, { $ref: '#/$defs/a_b_2' }],
    const: data,
    examples: [data],
    properties: { $ref: { type: 'string' } },
    $defs: { a_b: { title: 'one' }, a_b_2: { title: 'two' } },
  });
});

test('path items, bodies and examples can be references, too', () => {
  const document = {
    webhooks: { w: { $ref: '#/components/pathItems/item' } },
    components: {
      pathItems: { item: post({ requestBody: { $ref: '#/components/requestBodies/body' } }) },
      requestBodies: { body: json({}, { examples: { one: { $ref: '#/components/examples/one' } } }) },
      examples: { one: { value: { id: 1 } } },
    },
  };
  expect(schemaOf(document)).toEqual({ $schema: draft2020, examples: [{ id: 1 }] });
});

test('schemas of 3.0 become schemas of draft 7', () => {
  const schema = {
    type: 'object',
    properties: {
      a: { type: 'string', nullable: true, enum: ['x'], example: 'x', xml: {} },
      b: { type: 'number', minimum: 1, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: false },
      c: { $ref: '#/components/schemas/C', description: 'has no meaning' },
    },
  };
  const { eventTypes } = readOpenapi(
    {
      openapi: '3.0.3',
      'x-webhooks': { w: post({ requestBody: json(schema) }) },
      components: { schemas: { C: { type: 'integer', nullable: true } } },
    },
    limits,
  );
  expect(eventTypes[0]?.schemas?.[1]).toEqual({
    type: 'object',
    properties: {
      a: { type: ['string', 'null'], enum: ['x', null], examples: ['x'] },
      b: { type: 'number', exclusiveMinimum: 1, maximum: 9 },
      c: { $ref: '#/definitions/C' },
    },
    definitions: { C: { type: ['integer', 'null'] } },
  });
});

describe('a document with', () => {
  const cases: [string, unknown, string[][]][] = [
    ['no object', [], [[]]],
    ['another version', { swagger: '2.0' }, [['openapi']]],
    ['no webhooks', { openapi: '3.1.0', paths: {} }, [['webhooks']]],
    ['a webhook without a name', { openapi: '3.1.0', webhooks: { 'a b': post({}) } }, [['webhooks', 'a b']]],
    [
      'a webhook that is nothing',
      { openapi: '3.1.0', webhooks: { a: null, b: 1 } },
      [
        ['webhooks', 'a'],
        ['webhooks', 'b'],
      ],
    ],
    ['a reference to nothing', { openapi: '3.1.0', webhooks: { a: { $ref: '#/b' } } }, [['webhooks', 'a']]],
    [
      'one name twice',
      { openapi: '3.1.0', webhooks: { a: post({}) }, 'x-webhooks': { a: post({}) } },
      [['x-webhooks', 'a']],
    ],
    [
      'a large schema',
      { openapi: '3.1.0', webhooks: { a: post({ requestBody: json({ title: 'x'.repeat(10_000) }) }) } },
      [['webhooks', 'a', 'schema']],
    ],
    [
      'wrong flags',
      { openapi: '3.1.0', webhooks: { a: post({ 'x-svix-feature-flags': 'beta' }) } },
      [['webhooks', 'a', 'x-svix-feature-flags']],
    ],
    [
      'more webhooks than are allowed',
      {
        openapi: '3.1.0',
        webhooks: Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`w${n}`, post({})])),
      },
      [['webhooks']],
    ],
  ];
  test.each(cases)('%s is refused by its place', (_name, document, places) => {
    expect(readOpenapi(document, limits).problems.map(({ path }) => path)).toEqual(places);
  });
});

test('a catalog is read back as what it was made of', () => {
  const eventTypes: CatalogEventType[] = [
    {
      name: 'invoice.paid',
      description: 'An invoice was paid',
      deprecated: true,
      groupName: 'invoice',
      featureFlags: ['beta', 'eu'],
      schemas: {
        1: {
          type: 'object',
          properties: {
            self: { $ref: '#' },
            part: { $ref: '#/definitions/part' },
            named: { $ref: '#anchor' },
          },
          definitions: {
            part: { properties: { again: { $ref: '#/definitions/part' } } },
            a: { $id: '#anchor' },
          },
        },
      },
    },
    {
      name: 'invoice.seen',
      description: '',
      deprecated: false,
      groupName: null,
      featureFlags: null,
      schemas: { 1: { $schema: draft2020, prefixItems: [{}] } },
    },
    { name: 'plain', description: '', deprecated: false, groupName: null, featureFlags: null, schemas: null },
  ];
  const document = {
    ...catalogHead('Webhooks of default', '7'),
    webhooks: Object.fromEntries(eventTypes.map((eventType) => [eventType.name, catalogWebhook(eventType)])),
    components: {
      schemas: Object.fromEntries(eventTypes.map((eventType) => [eventType.name, catalogSchema(eventType)])),
    },
  };
  const copy = JSON.parse(JSON.stringify(document));
  expect(readOpenapi(copy, limits)).toEqual({ problems: [], eventTypes });
});
