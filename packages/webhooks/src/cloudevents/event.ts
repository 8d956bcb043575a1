// A CloudEvent (version 1.0), and whether its attributes are what the specification allows.

export type AttributeValue = string | number | boolean;

export type CloudEvent = {
  readonly id: string;
  /** A URI reference: who tells of the event. With `id` it is unique. */
  readonly source: string;
  readonly type: string;
  /** Media type of the data. */
  readonly datacontenttype?: string;
  /** An absolute URI. */
  readonly dataschema?: string;
  readonly subject?: string;
  /** RFC 3339. */
  readonly time?: string;
  /** Names of lower-case letters and digits; numbers are whole and have 32 bits. */
  readonly extensions?: Readonly<Record<string, AttributeValue>>;
  /** Bytes as they are, a JSON value where the content type is JSON or absent, a text otherwise. */
  readonly data?: unknown;
};

export const specVersion = '1.0';
export const coreNames = [
  'id',
  'source',
  'type',
  'datacontenttype',
  'dataschema',
  'subject',
  'time',
] as const;
export type CoreName = (typeof coreNames)[number];
const requiredNames: readonly string[] = ['id', 'source', 'type'];
const reservedNames = new Set<string>([...coreNames, 'specversion', 'data']);

const attributeName = /^[a-z0-9]+$/;
const attributeNameMaxChars = 128;
const integerMax = 2 ** 31 - 1;
const integerMin = -(2 ** 31);
// Control characters, halves of surrogate pairs, and the code points that Unicode keeps from being characters.
const forbiddenText = /\p{Cc}|\p{Surrogate}|\p{Noncharacter_Code_Point}/u;
// What a URI reference cannot hold: looking for it needs no memory, where matching megabytes piece by piece overflows.
const notInUri = /[^A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]|%(?![0-9A-Fa-f]{2})/;
const absoluteUri = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const mediaType = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*(?:;[^\r\n]*)?$/;
const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** What is wrong with the attributes; undefined when nothing is. */
export function problemOf(event: CloudEvent): string | undefined {
  for (const name of coreNames) {
    const problem = coreProblem(name, event[name]);
    if (problem !== undefined) return problem;
  }
  for (const [name, value] of Object.entries(event.extensions ?? {})) {
    const problem = reservedNames.has(name) ? `${name} is no extension` : extensionProblem(name, value);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function coreProblem(name: CoreName, value: unknown): string | undefined {
  if (value === undefined) return requiredNames.includes(name) ? `${name} is missing` : undefined;
  if (typeof value !== 'string') return `${name} is no text`;
  if (value === '') return `${name} is empty`;
  if (forbiddenText.test(value)) return `${name} holds a character that no attribute may have`;
  const isRight = {
    id: () => true,
    type: () => true,
    subject: () => true,
    source: () => !notInUri.test(value),
    dataschema: () => !notInUri.test(value) && absoluteUri.test(value),
    datacontenttype: () => mediaType.test(value),
    time: () => rfc3339.test(value) && !Number.isNaN(Date.parse(value)),
  }[name]();
  return isRight ? undefined : `${name} is not written as it must be`;
}

function extensionProblem(name: string, value: unknown): string | undefined {
  if (name.length > attributeNameMaxChars || !attributeName.test(name))
    return 'a name of an extension is not made of lower-case letters and digits';
  if (typeof value === 'boolean') return undefined;
  if (typeof value === 'number') {
    const isInteger = Number.isInteger(value) && value >= integerMin && value <= integerMax;
    return isInteger ? undefined : `${name} is no whole number of 32 bits`;
  }
  if (typeof value !== 'string') return `${name} is no text, number or boolean`;
  return forbiddenText.test(value) ? `${name} holds a character that no attribute may have` : undefined;
}

/** Attributes as texts, in the order of the specification, the extensions last. */
export function attributesOf(event: CloudEvent): readonly (readonly [string, AttributeValue])[] {
  const core = coreNames.flatMap((name) => {
    const value = event[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return [['specversion', specVersion], ...core, ...Object.entries(event.extensions ?? {})];
}

/** Media types of JSON: `application/json`, and any that ends in `+json`. */
export function isJsonType(datacontenttype: string | undefined): boolean {
  if (datacontenttype === undefined) return true;
  const [type = ''] = datacontenttype.split(';', 1);
  return /^[^/]+\/(?:[^/]+\+)?json$/i.test(type.trim());
}

/** Whether a text of this type is in UTF-8, which is the one encoding that is written and read here. */
export function isUtf8Type(datacontenttype: string | undefined): boolean {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(datacontenttype ?? '')?.[1]?.toLowerCase();
  return charset === undefined || charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii';
}
