// What adnanh/webhook's hooks are made of, as far as one may rely on what stands in the file.

export type Fields = Readonly<Record<string, unknown>>;

/** A hook asks for what Posthorn does not have. The message says what, without a full stop and without a secret. */
export class NotConvertible extends Error {
  override readonly name = 'NotConvertible';
}

/** Where a value of a request stands. */
export interface Parameter {
  source: string;
  name: string;
}

const secretName =
  /(?:^|[-_.])(?:secret|token|pass(?:code|word|phrase)?|api-?key|key|auth\w*|credentials?)$/i;
const pathStep = /^[^#\-"'\\{}%$\p{Cc}][^"'\\{}%$\p{Cc}]*$/u;
const pathStepsMax = 12;

/** Whether what goes by this name is for few eyes. */
export const isSecretName = (name: string): boolean => secretName.test(name);

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Absent is an empty list. */
export function listAt(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name] ?? [];
  if (Array.isArray(value)) return value;
  throw new NotConvertible(`${name} is not a list`);
}

/** Absent is an empty text. */
export function textAt(fields: Fields, name: string): string {
  const value = fields[name] ?? '';
  if (typeof value === 'string') return value;
  throw new NotConvertible(`${name} is not a text`);
}

export function parameterOf(value: unknown): Parameter {
  if (!isFields(value)) throw new NotConvertible('a parameter is not a map');
  const source = textAt(value, 'source');
  return { source: source === 'query' ? 'url' : source, name: textAt(value, 'name') };
}

/** The steps of `commits.0.id`. Of XML, elements begin with # and attributes with -; there is no XML here. */
export function stepsOf(name: string): string[] {
  const steps = name.split('.');
  if (steps.length <= pathStepsMax && steps.every((step) => pathStep.test(step))) return steps;
  throw new NotConvertible('it names a part of the payload that cannot be named here');
}
