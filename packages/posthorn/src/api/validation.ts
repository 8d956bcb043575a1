// Checks what came against a route's TypeBox schemas and names every wrong field, not the first.
import type { FastifySchemaCompiler } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Settings } from 'typebox/system';
import { invalid } from './problems.ts';
import type { FieldProblem } from './problems.ts';

// Enough for every field of a form, little enough that a hostile array does not become a huge answer.
const problemsMax = 50;
Settings.Set({ maxErrors: problemsMax });

// Deeper than any JSON Schema a person writes, and far from the depth where recursion fails.
const jsonDepthMax = 64;

// No field's name is as long as metadata may be, which has names of the caller's own.
const nameMaxChars = 4_096;

const placeOf: Record<string, string> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'header',
};

// With the flag u, only a surrogate without its other half is a character of its own.
const loneSurrogate = /\p{Surrogate}/u;

// Says about a schema's property: its content is not stored as text, so any JSON will do (a message's payload).
const opaqueMark = 'x-opaque';

/** Options for a property whose content is passed on as bytes: its text and depth are not looked at. */
export const opaque = { [opaqueMark]: true } as const;

/** A container in what came, and where it stands: paths are only put together for a problem. */
interface Place {
  value: object;
  key: string;
  parent?: Place;
  depth: number;
}

function locOf(place: Place, key?: string): string[] {
  const loc = key === undefined ? [] : [key];
  for (let at: Place | undefined = place; at !== undefined; at = at.parent) loc.push(at.key);
  return loc.toReversed();
}

function badText(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain the character U+0000';
  return loneSurrogate.test(text) ? 'must not contain half of a surrogate pair' : undefined;
}

function unstorable(value: unknown): string | undefined {
  if (typeof value === 'string') return badText(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return 'is too large for a number';
  return undefined;
}

function propertiesOf(schema: unknown): [name: string, property: unknown][] | undefined {
  if (typeof schema !== 'object' || schema === null) return undefined;
  const properties: unknown = Reflect.get(schema, 'properties');
  return typeof properties === 'object' && properties !== null ? Object.entries(properties) : undefined;
}

function isOpaque(property: unknown): boolean {
  return typeof property === 'object' && property !== null && Reflect.get(property, opaqueMark) === true;
}

/** The members of a body with this schema whose content is passed on as bytes. */
export function opaqueNames(schema: unknown): string[] {
  return (propertiesOf(schema) ?? []).flatMap(([name, property]) => (isOpaque(property) ? [name] : []));
}

/** The members to look into; undefined for all, when the schema is not that of an object. */
function storedNames(schema: TSchema): string[] | undefined {
  return propertiesOf(schema)?.flatMap(([name, property]) => (isOpaque(property) ? [] : [name]));
}

type Look = (place: Place, key: string, value: unknown) => FieldProblem | undefined;

/**
 * The first problem that `look` sees in a member, however deep; `names` limits the outermost ones. Not recursive, and
 * without a copy for each value: a body of many brackets must cost a refusal, not the stack.
 */
function findProblem(root: object, part: string, names: readonly string[] | undefined, look: Look) {
  const open: Place[] = [{ value: root, key: part, depth: 1 }];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (place.depth > jsonDepthMax) {
      return { loc: [part], msg: `must not be nested deeper than ${jsonDepthMax}`, type: 'value_error' };
    }
    const isNamed = place.value === root && names !== undefined;
    for (const key of isNamed ? names : Object.keys(place.value)) {
      if (isNamed && !Object.hasOwn(root, key)) continue;
      const value: unknown = Reflect.get(place.value, key);
      const problem = look(place, key, value);
      if (problem !== undefined) return problem;
      if (typeof value !== 'object' || value === null) continue;
      open.push({ value, key, parent: place, depth: place.depth + 1 });
    }
  }
  return undefined;
}

const lookForUnstorable: Look = (place, key, value) => {
  const badName = badText(key);
  if (badName !== undefined) {
    return { loc: locOf(place), msg: `a field's name ${badName}`, type: 'value_error' };
  }
  const msg = unstorable(value);
  return msg === undefined ? undefined : { loc: locOf(place, key), msg, type: 'value_error' };
};

// An answer that repeats such a name, in the path to what is wrong with it, costs more than the name is worth.
const lookForLongName: Look = (place, key) => {
  if (key.length <= nameMaxChars) return undefined;
  const msg = `a field's name must not be longer than ${nameMaxChars} characters`;
  return { loc: locOf(place), msg, type: 'value_error' };
};

function pathOf(instancePath: string): string[] {
  return instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function requiredProblems(error: TLocalizedValidationError, place: string): FieldProblem[] {
  if (error.keyword !== 'required') return [];
  return error.params.requiredProperties.map((name) => ({
    loc: [place, ...pathOf(error.instancePath), name],
    msg: 'is required',
    type: 'value_error.missing',
  }));
}

function messageOf(errors: TLocalizedValidationError[]): string {
  const allowed = errors.flatMap((error) =>
    error.keyword === 'const' ? [String(error.params.allowedValue)] : [],
  );
  if (allowed.length > 0) return `must be one of: ${allowed.join(', ')}`;
  // A union reports each of its branches and then itself; the branches say more.
  const branches = errors.filter((error) => error.keyword !== 'anyOf');
  return [...new Set(branches.map((error) => error.message))].join(' or ');
}

function problemsOf(errors: TLocalizedValidationError[], place: string): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const byPath = new Map<string, TLocalizedValidationError[]>();
  for (const error of errors) {
    problems.push(...requiredProblems(error, place));
    if (error.keyword === 'required') continue;
    const atPath = byPath.get(error.instancePath);
    if (atPath === undefined) byPath.set(error.instancePath, [error]);
    else atPath.push(error);
  }
  const deeper = (path: string) =>
    errors.some(({ keyword, instancePath }) =>
      keyword === 'required' ? instancePath.startsWith(path) : instancePath.startsWith(`${path}/`),
    );
  for (const [path, atPath] of byPath) {
    // A union, or a map, also reports itself for what is wrong inside it; the deeper place is the wrong one.
    const isOuter = atPath.some(({ keyword }) => keyword === 'anyOf' || keyword === 'additionalProperties');
    if (isOuter && deeper(path)) continue;
    const type = atPath.every((error) => error.keyword === 'type' || error.keyword === 'anyOf');
    problems.push({
      loc: [place, ...pathOf(path)],
      msg: messageOf(atPath),
      type: type ? 'type_error' : 'value_error',
    });
  }
  return problems;
}

const integerText = /^-?\d{1,15}$/;

function readText(schema: unknown, text: unknown): unknown {
  if (typeof text !== 'string' || typeof schema !== 'object' || schema === null) return text;
  const type: unknown = Reflect.get(schema, 'type');
  if (type === 'integer' && integerText.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

/** Queries, paths and headers arrive as text: what a schema wants as a number or boolean is read from it, strictly. */
function readTexts(schema: TSchema, given: unknown): unknown {
  const properties: unknown = Reflect.get(schema, 'properties');
  if (typeof given !== 'object' || given === null || typeof properties !== 'object' || properties === null) {
    return given;
  }
  const read: Record<string, unknown> = { ...given };
  for (const [name, property] of Object.entries(properties)) {
    if (Object.hasOwn(read, name)) read[name] = readText(property, read[name]);
  }
  return read;
}

/** Fastify's validator: the value when it fits the schema, an `ApiError` with all its problems when not. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const check = Compile(schema);
  const names = storedNames(schema);
  const place = placeOf[httpPart ?? 'body'] ?? 'body';
  return (given: unknown) => {
    // "1" in a body is not a number.
    const value = place === 'body' ? given : readTexts(schema, given);
    const isObject = typeof value === 'object' && value !== null;
    const find = (look: Look) => (isObject ? findProblem(value, place, names, look) : undefined);
    if (!check.Check(value)) {
      const longName = find(lookForLongName);
      return { error: invalid(longName ? [longName] : problemsOf(check.Errors(value), place)) };
    }
    const problem = find(lookForUnstorable);
    return problem === undefined ? { value } : { error: invalid([problem]) };
  };
};

/** Checks a body that another one came to, as a route with this schema does. Throws the same `ApiError`. */
export function bodyChecker<Schema extends TSchema>(schema: Schema) {
  const validate = compileValidator({ schema, method: 'POST', url: '', httpPart: 'body' });
  return (body: Record<string, unknown>): Static<Schema> => {
    const { error } = validate(body) as { error?: Error };
    if (error) throw error;
    return body as Static<Schema>;
  };
}
