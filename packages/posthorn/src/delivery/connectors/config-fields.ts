// Schemas of the members that several kinds' configurations have.
import Type from 'typebox';
import type { TProperties } from 'typebox';
import { secret } from './connector.ts';
import { templateMaxChars } from './template-jobs.ts';

const textMaxChars = 1_024;
const urlMaxChars = 2_048;
const listMax = 100;
const pemMaxChars = 32 * 1024;

const lineText = { minLength: 1, maxLength: textMaxChars, pattern: '^[^\\u0000-\\u001f\\u007f]*$' } as const;

/** One line. */
export const line = Type.String(lineText);
export const secretLine = Type.String({ ...lineText, ...secret });
/** Certificates. */
export const pem = Type.String({ minLength: 1, maxLength: pemMaxChars });
export const url = Type.String({ minLength: 1, maxLength: urlMaxChars });
export const secretUrl = Type.String({ minLength: 1, maxLength: urlMaxChars, ...secret });
/** Liquid, filled from the message. */
export const template = Type.String({ minLength: 1, maxLength: templateMaxChars });
/** JSON whose texts are templates. */
export const jsonTemplate = Type.Unsafe<Record<string, unknown>>(
  Type.Object({}, { additionalProperties: true }),
);
/** Names to templates. */
export const templateMap = Type.Unsafe<Record<string, string>>(
  Type.Object({}, { additionalProperties: template, maxProperties: listMax }),
);

/** A whole configuration: a member that it does not know is a mistake. */
export function configuration<T extends TProperties>(members: T) {
  return Type.Object(members, { additionalProperties: false });
}
