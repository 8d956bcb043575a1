// JSON Schema with Ajv, for schemas that others wrote: nothing is fetched, patterns match in linear time, and schemas do
// not see each other. It runs in the schema thread, which ends what takes too long all the same.
import { Ajv } from 'ajv';
import type { ErrorObject, Options, SchemaObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { RE2JS } from 're2js';
import type { Problem } from './jobs.ts';

const problemsMax = 20;
const nameMaxChars = 256;
const messageMaxChars = 512;

type Draft = '7' | '2020-12';
const draft7 = 'http://json-schema.org/draft-07/schema';
const draft2020 = 'https://json-schema.org/draft/2020-12/schema';

// Ajv tells patterns apart by their text: without a toString of its own, every pattern would be taken for the first.
class LinearPattern {
  readonly #pattern: string;
  readonly #engine: RE2JS;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#engine = RE2JS.compile(RE2JS.translateRegExp(pattern));
  }

  test(text: string): boolean {
    return this.#engine.test(text);
  }

  toString(): string {
    return `/${this.#pattern}/u`;
  }
}

const linearEngine = Object.assign((pattern: string) => new LinearPattern(pattern) as unknown as RegExp, {
  code: 'linear',
});

const options: Options = {
  strict: false,
  allErrors: true,
  logger: false,
  code: { regExp: linearEngine },
};

// An instance remembers every schema by its $id: each schema gets one of its own. Not checked by it, which would compile
// the schema of schemas each time; `metaProblems` does that.
function newAjv(draft: Draft): Ajv {
  const own = { ...options, validateSchema: false };
  const ajv = draft === '7' ? new Ajv(own) : new Ajv2020(own);
  ajvFormats.default(ajv);
  return ajv;
}

const metaChecks: Partial<Record<Draft, ValidateFunction>> = {};

function metaCheck(draft: Draft): ValidateFunction {
  const known = metaChecks[draft];
  if (known) return known;
  const ajv = draft === '7' ? new Ajv(options) : new Ajv2020(options);
  ajvFormats.default(ajv);
  const made = ajv.getSchema(draft === '7' ? draft7 : draft2020);
  if (!made) throw new Error(`the schema of draft ${draft} is missing`);
  metaChecks[draft] = made;
  return made;
}

function shortened(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)}…`;
}

function pathOf(pointer: string): string[] {
  if (pointer === '') return [];
  const names = pointer.slice(1).split('/');
  return names.map((name) => shortened(name.replaceAll('~1', '/').replaceAll('~0', '~'), nameMaxChars));
}

function problemOf({ instancePath, keyword, params, message }: ErrorObject): Problem {
  const path = pathOf(instancePath);
  const { missingProperty, additionalProperty, unevaluatedProperty } = params as Record<string, unknown>;
  if (typeof missingProperty === 'string' && keyword === 'required') {
    return { path: [...path, shortened(missingProperty, nameMaxChars)], msg: 'is required', missing: true };
  }
  const extra = additionalProperty ?? unevaluatedProperty;
  if (typeof extra === 'string') {
    return { path: [...path, shortened(extra, nameMaxChars)], msg: 'is not known to the schema' };
  }
  return { path, msg: shortened(message ?? `does not fit "${keyword}"`, messageMaxChars) };
}

/** The first problems, each once: of alternatives that all fail, every branch reports. */
function problemsOf(errors: readonly ErrorObject[] | null | undefined): Problem[] {
  const problems = new Map<string, Problem>();
  for (const error of errors ?? []) {
    if (problems.size === problemsMax) break;
    const problem = problemOf(error);
    problems.set(JSON.stringify(problem), problem);
  }
  return [...problems.values()];
}

/** Where in `root` a member `isIt`, outermost first; not recursive. Empty when nowhere. */
function placeOf(root: unknown, isIt: (key: string, value: unknown) => boolean): string[] {
  const open: { value: unknown; path: string[] }[] = [{ value: root, path: [] }];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    if (typeof next.value !== 'object' || next.value === null) continue;
    for (const [key, value] of Object.entries(next.value)) {
      const path = [...next.path, key];
      if (isIt(key, value)) return path;
      open.push({ value, path });
    }
  }
  return [];
}

function draftOf(schema: SchemaObject): Draft | undefined {
  const named = schema.$schema;
  if (named === undefined) return '7';
  if (typeof named !== 'string') return undefined;
  const plain = named.replace(/#$/, '').replace(/^https?:/, '');
  if (plain === draft7.replace(/^https?:/, '')) return '7';
  return plain === draft2020.replace(/^https?:/, '') ? '2020-12' : undefined;
}

const draftWanted = `must be "${draft7}#", which counts when it is left out, or "${draft2020}"`;

/** `missing` has been resolved, and may have lost its #. */
function isReferenceTo(value: unknown, missing: string): boolean {
  if (typeof value !== 'string' || value === '#') return false;
  return missing.endsWith(value) || missing.endsWith(value.replace(/^#/, ''));
}

/** Why `compile` threw, with its place in the schema where that can be told. */
function compileProblem(schema: SchemaObject, error: unknown): Problem {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const missing: unknown = error instanceof Error ? Reflect.get(error, 'missingRef') : undefined;
  if (typeof missing === 'string') {
    const path = placeOf(schema, (key, value) => key === '$ref' && isReferenceTo(value, missing));
    const msg =
      'leads out of this schema, or to nothing in it: nothing is fetched, so copy what it means into $defs';
    return { path, msg };
  }
  if (name === 'RE2JSSyntaxException') {
    const path = placeOf(schema, (key, value) => key === 'pattern' && !isPattern(value));
    const named = path.length > 0 ? path : placeOf(schema, (key) => !isPattern(key));
    const msg = `cannot be used, patterns match in linear time, without looking ahead or back: ${message}`;
    return { path: named, msg: shortened(msg, messageMaxChars) };
  }
  return { path: [], msg: shortened(`cannot be used: ${message}`, messageMaxChars) };
}

function isPattern(value: unknown): boolean {
  if (typeof value !== 'string') return true;
  try {
    return RE2JS.compile(RE2JS.translateRegExp(value)).test('') || true;
  } catch {
    return false;
  }
}

/** Tells whether a value fits; undefined when it does. */
export type Check = (value: unknown) => Problem[] | undefined;

/**
 * A check, or what is wrong with the schema. `schema` has been parsed from JSON. `isChecked`: it was found to be a JSON
 * Schema before, which is not looked at again.
 */
export function compileSchema(
  schema: unknown,
  { isChecked = false } = {},
): { check: Check } | { problems: Problem[] } {
  if (typeof schema === 'boolean') {
    return { check: () => (schema ? undefined : [{ path: [], msg: 'the schema lets nothing through' }]) };
  }
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    return { problems: [{ path: [], msg: 'must be an object or a boolean' }] };
  }
  const object: SchemaObject = schema;
  const draft = draftOf(object);
  if (draft === undefined) return { problems: [{ path: ['$schema'], msg: draftWanted }] };
  // Ajv would answer with a promise, which is as true as true.
  if ('$async' in object) return { problems: [{ path: ['$async'], msg: 'is not a part of JSON Schema' }] };
  const meta = isChecked ? undefined : metaCheck(draft);
  if (meta && !meta(object)) return { problems: problemsOf(meta.errors) };
  try {
    const fits = newAjv(draft).compile(object);
    return { check: (value) => (fits(value) ? undefined : problemsOf(fits.errors)) };
  } catch (error) {
    return { problems: [compileProblem(object, error)] };
  }
}

/** What is wrong with the schemas of an event type, by version; nothing when they can all be used. */
export function checkSchemas(schemas: Record<string, unknown>): Problem[] {
  return Object.entries(schemas).flatMap(([version, schema]) => {
    const compiled = compileSchema(schema);
    if ('check' in compiled) return [];
    return compiled.problems.map(({ path, ...rest }) => ({ ...rest, path: [version, ...path] }));
  });
}
