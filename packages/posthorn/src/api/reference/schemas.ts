// From the TypeBox schemas that requests are checked with to the schemas of the OpenAPI document: what has a title
// becomes a component of that name, and what TypeBox has to spell out is written as people would.
import { isDeepStrictEqual } from 'node:util';

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [name: string]: Json;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A string as it is, anything else as JSON. */
export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? '');
}

const componentName = /^[A-Za-z0-9._-]+$/;

function isNull(branch: Json): boolean {
  return isJsonObject(branch) && branch.type === 'null';
}

/** `{enum}` of branches that are all constants of one type; undefined when they are not. */
function asEnum(branches: readonly Json[]): JsonObject | undefined {
  const constants = branches.filter((branch) => isJsonObject(branch)).filter((branch) => 'const' in branch);
  const type = constants[0]?.type;
  if (type === undefined || constants.length !== branches.length) return undefined;
  if (constants.some((branch) => branch.type !== type)) return undefined;
  return { type, enum: constants.map((branch) => branch.const ?? null) };
}

/** A union without what only a checker needs: constants as an enum, "or null" as a second type. */
function tidyUnion(schema: JsonObject): JsonObject {
  const { anyOf, ...rest } = schema;
  if (!Array.isArray(anyOf)) return schema;
  const branches = anyOf.filter((branch) => !isNull(branch));
  const nullable = branches.length < anyOf.length;
  const single = asEnum(branches) ?? (branches.length === 1 ? branches[0] : undefined);
  if (!isJsonObject(single)) return schema;
  if (!nullable) return { ...single, ...rest };
  if (typeof single.type !== 'string') return schema;
  const values = Array.isArray(single.enum) ? { enum: [...single.enum, null] } : {};
  return { ...single, ...values, ...rest, type: [single.type, 'null'] };
}

/** Collects the components of one document. */
export class SchemaWriter {
  readonly components = new Map<string, Json>();

  /** The schema as the document has it: a reference when it has a title. */
  write(schema: unknown): Json {
    return this.convert(JSON.parse(JSON.stringify(schema ?? {})) as Json);
  }

  private convert(value: Json): Json {
    if (Array.isArray(value)) return value.map((item) => this.convert(item));
    if (!isJsonObject(value)) return value;
    const members = Object.entries(value).filter(([name]) => !name.startsWith('x-'));
    const converted: JsonObject = {};
    for (const [name, member] of members) {
      // The members of `properties` are named by their owner, not by JSON Schema.
      converted[name] = name === 'properties' ? this.convertProperties(member) : this.convert(member);
    }
    return this.register(tidyUnion(converted));
  }

  private convertProperties(properties: Json): Json {
    if (!isJsonObject(properties)) return properties;
    return Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, this.convert(property)]),
    );
  }

  private register(schema: JsonObject): JsonObject {
    const { title, ...rest } = schema;
    if (typeof title !== 'string' || !componentName.test(title)) return schema;
    const known = this.components.get(title);
    if (known === undefined) this.components.set(title, rest);
    // Two schemas of one name: the second is written out where it stands.
    else if (!isDeepStrictEqual(known, rest)) return rest;
    return { $ref: `#/components/schemas/${title}` };
  }
}
