// Examples that are made of schemas: they fit, and they end.
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exampleOf } from '../src/core/json-schema-example.ts';
import { latestSchema } from '../src/core/schema-version.ts';

const valueOf = (schema: unknown, index = 0) => {
  const example = exampleOf(schema, index);
  if (example.kind !== 'example') throw new Error('no example');
  return example.value;
};

const made: [string, unknown, unknown][] = [
  ['the first of its examples', { examples: [{ a: 1 }, { a: 2 }], example: 3 }, { a: 1 }],
  ['its example', { type: 'object', example: { a: 1 } }, { a: 1 }],
  ['its constant', { const: 0 }, 0],
  ['its default', { type: 'string', default: 'x' }, 'x'],
  ['the first of an enumeration', { enum: ['a', 'b'] }, 'a'],
  ['anything', true, {}],
  ['nothing', {}, {}],
  ['a format', { type: 'string', format: 'date-time' }, '2026-01-31T12:00:00Z'],
  ['a long text', { type: 'string', minLength: 8 }, 'string..'],
  ['a short text', { type: 'string', maxLength: 3 }, 'str'],
  ['a number above', { type: 'integer', exclusiveMinimum: 4 }, 5],
  ['a multiple', { type: 'integer', minimum: 5, multipleOf: 4 }, 8],
  ['a type or null', { type: ['null', 'boolean'] }, true],
  ['one of several', { oneOf: [{ type: 'null' }, { type: 'string' }] }, null],
  [
    'all of several',
    { allOf: [{ properties: { a: { const: 1 } } }, { properties: { b: { const: 2 } } }] },
    { a: 1, b: 2 },
  ],
  ['a list', { type: 'array', items: { type: 'boolean' }, minItems: 2 }, [true, true]],
  ['a tuple', { prefixItems: [{ const: 1 }, { const: 'b' }] }, [1, 'b']],
  ['a reference', { $ref: '#/$defs/a~1b', $defs: { 'a/b': { const: 7 } } }, 7],
  ['an object', { properties: { a: { type: 'integer' }, no: false } }, { a: 0 }],
];
test.each(made)('%s', (_name, schema, value) => {
  expect(valueOf(schema)).toEqual(value);
});

test('one of its examples, by its index', () => {
  const schema = { examples: ['a', 'b'] };
  expect(valueOf(schema, 1)).toBe('b');
  expect(exampleOf(schema, 2)).toEqual({ kind: 'no_such_example', count: 2 });
  expect(valueOf({ type: 'null' }, 5)).toBe(null);
});

describe('always', () => {
  const scalar = fc.oneof(
    fc.record({ type: fc.constant('string'), minLength: fc.nat(20) }, { requiredKeys: ['type'] }),
    fc.record(
      { type: fc.constant('integer'), minimum: fc.integer({ min: -50, max: 50 }) },
      { requiredKeys: ['type'] },
    ),
    fc.record({ type: fc.constantFrom('number', 'boolean', 'null') }),
    fc.record({ enum: fc.array(fc.jsonValue(), { minLength: 1 }) }),
  );
  const { schema: nested } = fc.letrec((tie) => ({
    schema: fc.oneof(
      { depthSize: 'small', maxDepth: 4 },
      scalar,
      fc.record({
        type: fc.constant('object'),
        properties: fc.dictionary(fc.string(), tie('schema'), { maxKeys: 4 }),
      }),
      fc.record({ type: fc.constant('array'), items: tie('schema') }),
    ),
  }));

  const ajv = new Ajv2020({ strict: false, logger: false, validateSchema: false });

  test('an example fits the schema that it was made of', () => {
    fc.assert(
      fc.property(nested, (schema) => {
        expect(ajv.validate(schema as object, valueOf(schema))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('it ends, small, whatever the schema', () => {
    const wide = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`p${n}`, { $ref: '#' }]));
    const looping = {
      $ref: '#/$defs/a',
      $defs: { a: { allOf: [{ $ref: '#/$defs/a' }, { $ref: '#/$defs/a' }] } },
    };
    for (const schema of [{ properties: wide }, looping, { $ref: '#' }, { items: { $ref: '#' } }]) {
      expect(JSON.stringify(valueOf(schema)).length).toBeLessThan(100_000);
    }
    fc.assert(
      fc.property(fc.jsonValue(), (schema) => {
        exampleOf(schema, 0);
      }),
    );
  });
});

test('the latest version is the highest number in its name', () => {
  expect(latestSchema({ 9: 'nine', 10: 'ten' })).toBe('ten');
  expect(latestSchema({ v10: 'ten', v9: 'nine' })).toBe('ten');
  expect(latestSchema({})).toBeUndefined();
  expect(latestSchema(null)).toBeUndefined();
});
