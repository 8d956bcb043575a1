// Takes a schema out of an OpenAPI document, with everything that it refers to: the copy stands on its own.
import { isObject, mapSchema, pointerNames, resolvePointer } from './schema-refs.ts';
import type { SchemaObject } from './schema-refs.ts';

/** '3.0' has a dialect of its own, which is turned into draft 7; '3.1' is JSON Schema. */
export type OpenapiVersion = '3.0' | '3.1';

const draft2020 = 'https://json-schema.org/draft/2020-12/schema';
const draft7Pattern = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/;
const hopsMax = 20;
const openapiOnly = ['nullable', 'discriminator', 'xml', 'externalDocs', 'readOnly', 'writeOnly', 'example'];

/** `exclusiveMinimum: true` beside `minimum: 1` of 3.0 is `exclusiveMinimum: 1`. */
function liftBound(schema: SchemaObject, bound: 'minimum' | 'maximum'): void {
  const exclusive = bound === 'minimum' ? 'exclusiveMinimum' : 'exclusiveMaximum';
  if (typeof schema[exclusive] !== 'boolean') return;
  const isExclusive = schema[exclusive];
  Reflect.deleteProperty(schema, exclusive);
  if (!isExclusive || typeof schema[bound] !== 'number') return;
  schema[exclusive] = schema[bound];
  Reflect.deleteProperty(schema, bound);
}

/** Turns a schema of OpenAPI 3.0 into one of draft 7, in place. */
function fromOpenapi30(schema: SchemaObject): void {
  if (typeof schema.$ref === 'string') {
    // What stands beside a reference has no meaning there.
    for (const key of Object.keys(schema)) if (key !== '$ref') Reflect.deleteProperty(schema, key);
    return;
  }
  liftBound(schema, 'minimum');
  liftBound(schema, 'maximum');
  if (schema.nullable === true && typeof schema.type === 'string') {
    schema.type = [schema.type, 'null'];
    if (Array.isArray(schema.enum) && !schema.enum.includes(null)) schema.enum = [...schema.enum, null];
  }
  if (schema.example !== undefined && schema.examples === undefined) schema.examples = [schema.example];
  for (const key of openapiOnly) Reflect.deleteProperty(schema, key);
}

/** Names for the parts that are taken along: the last name of their place, made unique. */
class Parts {
  readonly #names = new Map<string, string>();
  readonly #taken: Set<string>;
  readonly waiting: { reference: string; name: string }[] = [];

  constructor(taken: Iterable<string>) {
    this.#taken = new Set(taken);
  }

  nameOf(reference: string): string {
    const known = this.#names.get(reference);
    if (known !== undefined) return known;
    const last = (pointerNames(reference)?.at(-1) ?? '').replaceAll(/[^\w.-]/g, '_') || 'part';
    let name = last;
    for (let n = 2; this.#taken.has(name); n += 1) name = `${last}_${n}`;
    this.#taken.add(name);
    this.#names.set(reference, name);
    this.waiting.push({ reference, name });
    return name;
  }
}

/** A schema that is nothing but a reference stands for what it leads to. */
function followRoot(document: unknown, schema: unknown): { root: unknown; at?: string } {
  let root = schema;
  let at: string | undefined;
  for (let hops = 0; hops < hopsMax; hops += 1) {
    if (!isObject(root) || typeof root.$ref !== 'string' || Object.keys(root).length > 1) break;
    const target = resolvePointer(document, root.$ref);
    if (target === undefined) break;
    at = root.$ref;
    root = target;
  }
  return at === undefined ? { root } : { root, at };
}

/** The `$schema` to write; undefined for draft 7, which counts when there is none. */
function dialectOf(document: unknown, version: OpenapiVersion): string | undefined {
  if (version === '3.0') return undefined;
  const dialect = isObject(document) ? document.jsonSchemaDialect : undefined;
  return typeof dialect === 'string' && draft7Pattern.test(dialect) ? undefined : draft2020;
}

/**
 * `schema` stands in `document`; the copy refers to nothing but itself. A reference that leads to nothing in the
 * document stays as it was. Throws SchemaTooLargeError.
 */
export function bundleSchema(document: unknown, schema: unknown, version: OpenapiVersion): unknown {
  const { root, at } = followRoot(document, schema);
  if (!isObject(root)) return root;
  const place = version === '3.0' ? 'definitions' : '$defs';
  const own = root[place];
  const parts = new Parts(isObject(own) ? Object.keys(own) : []);
  const mapping = {
    ref(reference: string) {
      if (at !== undefined && reference === at) return '#';
      if (at !== undefined && reference.startsWith(`${at}/`)) return `#${reference.slice(at.length)}`;
      if (resolvePointer(document, reference) === undefined) return reference;
      return `#/${place}/${parts.nameOf(reference)}`;
    },
    ...(version === '3.0' ? { each: fromOpenapi30 } : {}),
  };
  const copied = mapSchema(root, mapping) as SchemaObject;
  const defs: SchemaObject = {};
  for (let part = parts.waiting.shift(); part !== undefined; part = parts.waiting.shift()) {
    defs[part.name] = mapSchema(resolvePointer(document, part.reference), mapping);
  }
  const dialect = dialectOf(document, version);
  const ownDefs = copied[place];
  return {
    ...(dialect === undefined || copied.$schema !== undefined ? {} : { $schema: dialect }),
    ...copied,
    ...(Object.keys(defs).length === 0
      ? {}
      : { [place]: { ...(isObject(ownDefs) ? ownDefs : {}), ...defs } }),
  };
}
