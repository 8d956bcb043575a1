// Whether a payload has the shape that the handlers count on, by the schema for its event type.
import type {
  CompiledSchema,
  PayloadSchema,
  SchemaIssue,
  StandardSchema,
} from '../schema/standard-schema.ts';
import { covers } from './pattern.ts';

/** `value` is the payload as the schema gives it: with its defaults and conversions. */
export type Validation =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly detail: string };

const issuesMax = 3;
const detailMaxChars = 300;

/** The schema for a type: its own, else the longest pattern that covers it. */
export function schemaFor(
  schemas: Readonly<Record<string, PayloadSchema>>,
  type: string,
): PayloadSchema | undefined {
  const fitting = Object.keys(schemas).filter((pattern) => covers(pattern, type));
  const [best] = fitting.sort((a, b) => Number(b === type) - Number(a === type) || b.length - a.length);
  return best === undefined ? undefined : schemas[best];
}

export async function validate(schema: PayloadSchema | undefined, payload: unknown): Promise<Validation> {
  if (schema === undefined) return { ok: true, value: payload };
  return isStandard(schema) ? standard(schema, payload) : compiled(schema, payload);
}

// Schemas of ArkType are functions with properties.
function isStandard(schema: PayloadSchema): schema is StandardSchema {
  return '~standard' in schema;
}

async function standard(schema: StandardSchema, payload: unknown): Promise<Validation> {
  const result = await schema['~standard'].validate(payload);
  if (!result.issues) return { ok: true, value: result.value };
  return { ok: false, detail: detailOf(result.issues.map(issueText)) };
}

function compiled(schema: CompiledSchema, payload: unknown): Validation {
  if (schema.Check(payload)) return { ok: true, value: payload };
  const errors = Array.from(schema.Errors(payload), ({ instancePath = '', message }) =>
    [instancePath.slice(1).replaceAll('/', '.'), message].filter(Boolean).join(': '),
  );
  return { ok: false, detail: detailOf(errors) };
}

function issueText({ path = [], message }: SchemaIssue): string {
  const steps = path.map((step) => String(typeof step === 'object' ? step.key : step));
  return steps.length === 0 ? message : `${steps.join('.')}: ${message}`;
}

function detailOf(issues: readonly string[]): string {
  const text = issues.slice(0, issuesMax).join('; ');
  return text === '' ? 'the payload does not fit its schema' : text.slice(0, detailMaxChars);
}
