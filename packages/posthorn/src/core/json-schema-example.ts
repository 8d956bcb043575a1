// Makes an example of a JSON Schema: the one that it names, or the plainest value that fits it. Bounded in depth and in
// size, whatever the schema.
import { isObject, resolvePointer } from './schema-refs.ts';
import type { SchemaObject } from './schema-refs.ts';

const depthMax = 8;
const valuesMax = 1_000;
// Of what the schema itself gives: it can be asked for again and again.
const namedMaxChars = 256 * 1024;
const hopsMax = 10;
const itemsMax = 3;
const textMaxChars = 1_024;

const textOfFormat: Readonly<Record<string, string>> = {
  'date-time': '2026-01-31T12:00:00Z',
  date: '2026-01-31',
  time: '12:00:00Z',
  duration: 'P1D',
  email: 'user@example.com',
  'idn-email': 'user@example.com',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uri: 'https://example.com/',
  url: 'https://example.com/',
  'uri-reference': '/',
  uuid: '3fa85f64-5717-4562-b3fc-2c963f66afa6',
  'json-pointer': '/a',
  regex: '.*',
};

export type Example =
  | { kind: 'example'; value: unknown }
  /** The schema lists `count` examples, fewer than were counted to. */
  | { kind: 'no_such_example'; count: number };

function examplesOf(schema: SchemaObject): unknown[] | undefined {
  return Array.isArray(schema.examples) && schema.examples.length > 0 ? schema.examples : undefined;
}

/** What the schema itself says a value is, in the order in which it says it best; undefined when it does not. */
function namedValue(schema: SchemaObject): { value: unknown } | undefined {
  const examples = examplesOf(schema);
  if (examples) return { value: examples[0] };
  for (const keyword of ['example', 'const', 'default']) {
    if (schema[keyword] !== undefined) return { value: schema[keyword] };
  }
  return Array.isArray(schema.enum) && schema.enum.length > 0 ? { value: schema.enum[0] } : undefined;
}

function numberIn(schema: SchemaObject, keyword: string): number | undefined {
  const value = schema[keyword];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function exampleText(schema: SchemaObject): string {
  const named = typeof schema.format === 'string' ? textOfFormat[schema.format] : undefined;
  if (named !== undefined) return named;
  const min = Math.min(numberIn(schema, 'minLength') ?? 0, textMaxChars);
  const max = Math.max(numberIn(schema, 'maxLength') ?? textMaxChars, min);
  return 'string'.padEnd(min, '.').slice(0, max);
}

function exampleNumber(schema: SchemaObject, step: number): number {
  const above = numberIn(schema, 'exclusiveMinimum');
  const below = numberIn(schema, 'exclusiveMaximum');
  const min = numberIn(schema, 'minimum') ?? (above === undefined ? undefined : above + step);
  const max = numberIn(schema, 'maximum') ?? (below === undefined ? undefined : below - step);
  const plain = min ?? (max !== undefined && max < 0 ? max : 0);
  const multiple = numberIn(schema, 'multipleOf');
  const value = multiple === undefined || multiple <= 0 ? plain : Math.ceil(plain / multiple) * multiple;
  return step === 1 ? Math.ceil(value) : value;
}

function typeOf(schema: SchemaObject): string | undefined {
  const types: unknown[] = Array.isArray(schema.type) ? schema.type : [schema.type];
  const named = types.find((type) => typeof type === 'string' && type !== 'null');
  if (typeof named === 'string') return named;
  if (types.includes('null')) return 'null';
  if (isObject(schema.properties) || isObject(schema.additionalProperties)) return 'object';
  return schema.items !== undefined || schema.prefixItems !== undefined ? 'array' : undefined;
}

class Sampler {
  readonly #root: unknown;
  #values = 0;
  #namedChars = 0;

  constructor(root: unknown) {
    this.#root = root;
  }

  sample(given: unknown, depth = 0): unknown {
    this.#values += 1;
    const schema = this.#follow(given);
    if (!isObject(schema) || depth > depthMax || this.#values > valuesMax) return {};
    const named = namedValue(schema);
    if (named) return this.#withinSize(named.value);
    const branch = [schema.oneOf, schema.anyOf].find(
      (branches) => Array.isArray(branches) && branches.length > 0,
    );
    const parts: unknown[] = Array.isArray(schema.allOf) ? schema.allOf : [];
    const chosen: unknown[] = Array.isArray(branch) ? [...parts, branch[0]] : parts;
    const own = this.#byType(schema, depth);
    const value = chosen.reduce((merged: unknown, part) => this.#merge(merged, part, depth), own);
    return value === undefined ? {} : value;
  }

  #withinSize(value: unknown): unknown {
    this.#namedChars += JSON.stringify(value).length;
    return this.#namedChars > namedMaxChars ? {} : value;
  }

  #merge(value: unknown, part: unknown, depth: number): unknown {
    if (this.#values > valuesMax) return value;
    const sampled = this.sample(part, depth + 1);
    if (isObject(value) && isObject(sampled)) return { ...value, ...sampled };
    return value === undefined ? sampled : value;
  }

  #follow(given: unknown): unknown {
    let schema = given;
    for (let hops = 0; hops < hopsMax; hops += 1) {
      if (!isObject(schema) || typeof schema.$ref !== 'string') return schema;
      const target = resolvePointer(this.#root, schema.$ref);
      if (namedValue(schema) || target === undefined) return schema;
      schema = target;
    }
    return {};
  }

  #byType(schema: SchemaObject, depth: number): unknown {
    switch (typeOf(schema)) {
      case 'object':
        return this.#object(schema, depth);
      case 'array':
        return this.#array(schema, depth);
      case 'string':
        return exampleText(schema);
      case 'integer':
        return exampleNumber(schema, 1);
      case 'number':
        return exampleNumber(schema, 0.5);
      case 'boolean':
        return true;
      case 'null':
        return null;
      case undefined:
      default:
        return undefined;
    }
  }

  #object(schema: SchemaObject, depth: number): SchemaObject {
    const members: [string, unknown][] = [];
    for (const [name, property] of Object.entries(isObject(schema.properties) ? schema.properties : {})) {
      if (this.#values > valuesMax || depth === depthMax) break;
      if (property !== false) members.push([name, this.sample(property, depth + 1)]);
    }
    return Object.fromEntries(members);
  }

  #array(schema: SchemaObject, depth: number): unknown[] {
    const listed: unknown[] = [schema.prefixItems, schema.items].find((items) => Array.isArray(items)) ?? [];
    const count = Math.min(Math.max(numberIn(schema, 'minItems') ?? 1, listed.length, 1), itemsMax);
    const items: unknown[] = [];
    for (let at = 0; at < count && depth < depthMax && this.#values <= valuesMax; at += 1) {
      items.push(this.sample(listed[at] ?? (Array.isArray(schema.items) ? {} : schema.items), depth + 1));
    }
    return items;
  }
}

/** An example of `schema`; of several that it lists, the one at `index`. */
export function exampleOf(schema: unknown, index: number): Example {
  const examples = isObject(schema) ? examplesOf(schema) : undefined;
  if (examples === undefined) return { kind: 'example', value: new Sampler(schema).sample(schema) };
  if (index >= examples.length) return { kind: 'no_such_example', count: examples.length };
  return { kind: 'example', value: examples[index] };
}
