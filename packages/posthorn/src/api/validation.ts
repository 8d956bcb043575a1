// Checks what came against a route's TypeBox schemas and names every wrong field, not the first.
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
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

interface Place {
  value: unknown;
  loc: string[];
}

function badText(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain the character U+0000';
  return loneSurrogate.test(text) ? 'must not contain half of a surrogate pair' : undefined;
}

function unstorable({ value, loc }: Place): FieldProblem | undefined {
  if (typeof value === 'string') {
    const msg = badText(value);
    return msg === undefined ? undefined : { loc, msg, type: 'value_error' };
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return { loc, msg: 'is too large for a number', type: 'value_error' };
  }
  return undefined;
}

function isOpaque(schema: TSchema, key: string): boolean {
  const properties: unknown = Reflect.get(schema, 'properties');
  if (typeof properties !== 'object' || properties === null || !Object.hasOwn(properties, key)) return false;
  const property: unknown = Reflect.get(properties, key);
  return typeof property === 'object' && property !== null && Reflect.get(property, opaqueMark) === true;
}

// Not recursive: a body of a million brackets must cost a refusal, not the stack.
function findUnstorable(root: unknown, place: string, schema: TSchema): FieldProblem | undefined {
  const open: Place[] = [{ value: root, loc: [place] }];
  for (let current = open.pop(); current !== undefined; current = open.pop()) {
    const problem = unstorable(current);
    if (problem !== undefined) return problem;
    const { value, loc } = current;
    if (typeof value !== 'object' || value === null) continue;
    if (loc.length > jsonDepthMax) {
      return { loc: [place], msg: `must not be nested deeper than ${jsonDepthMax}`, type: 'value_error' };
    }
    for (const [key, child] of Object.entries(value)) {
      const msg = badText(key);
      if (msg !== undefined) return { loc, msg: `a field's name ${msg}`, type: 'value_error' };
      if (value === root && isOpaque(schema, key)) continue;
      open.push({ value: child, loc: [...loc, key] });
    }
  }
  return undefined;
}

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
    byPath.set(error.instancePath, [...(byPath.get(error.instancePath) ?? []), error]);
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
  const place = placeOf[httpPart ?? 'body'] ?? 'body';
  return (given: unknown) => {
    // "1" in a body is not a number.
    const value = place === 'body' ? given : readTexts(schema, given);
    if (!check.Check(value)) return { error: invalid(problemsOf(check.Errors(value), place)) };
    const problem = findUnstorable(value, place, schema);
    return problem === undefined ? { value } : { error: invalid([problem]) };
  };
};
