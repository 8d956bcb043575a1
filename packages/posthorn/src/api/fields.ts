// Field schemas that more than one noun has.
import Type from 'typebox';
import type { TSchema } from 'typebox';
import type { IdPrefix } from '../lib/ids.ts';
import { invalid, invalidField } from './problems.ts';

const uidMaxChars = 256;
const metadataMaxBytes = 4_096;
// What the column holds.
const throttleRateMax = 2_147_483_647;

export function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

/** One of these texts. */
export function oneOf<T extends string>(values: readonly T[]) {
  return Type.Unsafe<T>(Type.Union(values.map((value) => Type.Literal(value))));
}

/** A uid, or an event type's name. */
export const nameText = { minLength: 1, maxLength: uidMaxChars, pattern: '^[a-zA-Z0-9\\-_.]+$' } as const;
export const uidField = Type.Optional(nullable(Type.String(nameText)));

/** Messages per second. `rateLimit` is the field's older name. */
export const throttleRateField = Type.Optional(
  nullable(Type.Integer({ minimum: 1, maximum: throttleRateMax })),
);

// Not Type.Record: its pattern for keys does not match a key with a line break, which would go unchecked.
export const StringMap = Type.Unsafe<Record<string, string>>(
  Type.Object({}, { additionalProperties: Type.String() }),
);
export const metadataField = Type.Optional(StringMap);

/** A date and time as ISO 8601 with offset. */
export const TimeText = Type.String({ format: 'date-time' });

/** A uid must not look like an id, because either is accepted wherever one is. Throws 422. */
export function checkUid(uid: string | null | undefined, prefix: IdPrefix): void {
  if (uid?.startsWith(prefix) === true) {
    throw invalidField('uid', `must not begin with ${prefix}, which marks ids`);
  }
}

const name = new RegExp(nameText.pattern);

/** Whether the text can be a uid, an id or an event type's name. */
export function isName(text: string): boolean {
  return text.length <= uidMaxChars && name.test(text);
}

/** For a PUT that may create what its path names. Throws 422 when that cannot be a uid or name. */
export function checkPathUid(text: string, param: string): void {
  if (isName(text)) return;
  const msg = `must be 1 to ${uidMaxChars} letters, digits, hyphens, underscores or dots`;
  throw invalid([{ loc: ['path', param], msg, type: 'value_error' }]);
}

/** The JSON to store. Throws 422 when it is too large. */
export function metadataJson(metadata: Record<string, string>): string {
  const json = JSON.stringify(metadata);
  const sizeBytes = Buffer.byteLength(json);
  if (sizeBytes <= metadataMaxBytes) return json;
  throw invalidField('metadata', `is ${sizeBytes} bytes as JSON, at most ${metadataMaxBytes} are allowed`);
}

/**
 * The throttle rate of a body that can call it `throttleRate` or `rateLimit`; undefined when it names neither.
 */
export function throttleRateOf(body: {
  throttleRate?: number | null;
  rateLimit?: number | null;
}): number | null | undefined {
  return body.throttleRate === undefined ? body.rateLimit : body.throttleRate;
}
