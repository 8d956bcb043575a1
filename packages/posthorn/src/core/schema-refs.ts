// Walks a JSON Schema where schemas stand, and nowhere else: what looks like a reference inside of an example or a
// constant is data, and stays as it is.

export type SchemaObject = Record<string, unknown>;

/** What to do on the way. `ref` gets a reference that is relative to the root, and gives the one to write. */
export interface SchemaMapping {
  ref(reference: string): string;
  /** Gets each schema after its parts were mapped, to be changed in place. */
  each?(schema: SchemaObject): void;
}

/** The schema has more parts, or is nested deeper, than anyone would write; or it contains itself. */
export class SchemaTooLargeError extends Error {}

const depthMax = 100;
const partsMax = 100_000;

const dataKeywords = new Set(['const', 'enum', 'default', 'example', 'examples', 'x-example']);
const mapKeywords = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Not by assignment: a member may be called __proto__.
function setMember(object: SchemaObject, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}

function mapMembers(given: SchemaObject, map: (value: unknown, key: string) => unknown): SchemaObject {
  const mapped: SchemaObject = {};
  for (const [key, value] of Object.entries(given)) setMember(mapped, key, map(value, key));
  return mapped;
}

/** A copy with every reference mapped. Throws SchemaTooLargeError. */
export function mapSchema(schema: unknown, mapping: SchemaMapping): unknown {
  let parts = 0;
  const copySchema = (value: unknown, depth: number): unknown => {
    parts += 1;
    if (depth > depthMax || parts > partsMax) throw new SchemaTooLargeError('the schema is too large');
    if (Array.isArray(value)) return value.map((item) => copySchema(item, depth + 1));
    if (!isObject(value)) return value;
    // References below an $id are relative to it, and not ours to change.
    if (typeof value.$id === 'string' && !value.$id.startsWith('#')) return value;
    const copied = mapMembers(value, (member, key) => copyKeyword(key, member, depth));
    mapping.each?.(copied);
    return copied;
  };
  const copyKeyword = (key: string, value: unknown, depth: number): unknown => {
    if (dataKeywords.has(key)) return value;
    if (key === '$ref' && typeof value === 'string') return mapping.ref(value);
    if (mapKeywords.has(key) && isObject(value)) {
      return mapMembers(value, (member) => copySchema(member, depth + 1));
    }
    return copySchema(value, depth + 1);
  };
  return copySchema(schema, 0);
}

/** The names in a reference such as `#/a/b~1c`; undefined when it is no pointer from the root. */
export function pointerNames(reference: string): string[] | undefined {
  if (reference === '#') return [];
  if (!reference.startsWith('#/')) return undefined;
  try {
    const names = reference.slice(2).split('/');
    return names.map((name) => decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~'));
  } catch {
    return undefined;
  }
}

/** What a reference such as `#/a/b` leads to in `root`; undefined when to nothing. */
export function resolvePointer(root: unknown, reference: string): unknown {
  let at: unknown = root;
  for (const name of pointerNames(reference) ?? ['']) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = Reflect.get(at, name);
  }
  return at;
}
