// Matches of adnanh/webhook on the payload, as a filter in CEL. A part that the payload lacks makes its match false, as
// there; what is of an unforeseen type fails the filter, which refuses.
import { isSecretName, NotConvertible, parameterOf, stepsOf, textAt } from './hook-parts.ts';
import type { Fields, Parameter } from './hook-parts.ts';
import { textTests } from './hook-regex.ts';
import type { TextTest } from './hook-regex.ts';

const identifier = /^[A-Za-z_]\w*$/;
const index = /^\d{1,9}$/;
// Of CEL, and of the library that runs it.
const reserved = new Set(
  'as break const continue else false for function if import in let loop namespace null package prototype return true var void while __proto__'.split(
    ' ',
  ),
);
/** Matched values are texts; of these, the payload may hold a number or a boolean. */
const numberOrBoolean = /^(?:true|false|0|-?[1-9]\d{0,14})$/;
/** A text in CEL. Of `${` an import would make a reference to a secret. */
export function celText(text: string): string {
  return JSON.stringify(text).replaceAll('${', String.raw`\u0024{`);
}

/** Where the value stands, and what must hold so that it is there. */
function placeOf(name: string): { value: string; guards: string[] } {
  let value = 'payload';
  let isPlain = true;
  const guards: string[] = [];
  for (const step of stepsOf(name)) {
    if (index.test(step)) {
      guards.push(`size(${value}) > ${Number(step)}`);
      value += `[${Number(step)}]`;
      isPlain = false;
    } else if (identifier.test(step) && !reserved.has(step)) {
      // has() reads no list.
      guards.push(isPlain ? `has(${value}.${step})` : `${celText(step)} in ${value}`);
      value += `.${step}`;
    } else {
      guards.push(`${celText(step)} in ${value}`);
      value += `[${celText(step)}]`;
      isPlain = false;
    }
  }
  return { value, guards };
}

/** A match of the type `value` or `regex` on the payload. */
export function payloadFilter(match: Fields): string {
  const { source, name } = parameterOf(match.parameter);
  if (source !== 'payload') throw new NotConvertible(`its rule reads ${sourceWords({ source, name })}`);
  if (isSecretName(name)) {
    throw new NotConvertible(`its rule compares ${name} of the payload, a secret that a filter would show`);
  }
  const { value, guards } = placeOf(name);
  return `(${[...guards, ...conditions(match, value)].join(' && ')})`;
}

export function sourceWords({ source, name }: Parameter): string {
  if (source === 'header') return `the header ${name}`;
  return source === 'url' ? `${name} of the query` : `the source ${source}`;
}

function conditions(match: Fields, value: string): string[] {
  if (match.type === 'value') return [valueCondition(textAt(match, 'value'), value)];
  const tests = textTests(textAt(match, 'regex'));
  if (tests === undefined) {
    throw new NotConvertible('its rule has a regular expression that no filter can ask for without one');
  }
  const text = `string(${value})`;
  const asked = tests.map((test) => testCondition(test, text));
  // Whatever stands there will do.
  if (asked.includes('true')) return [];
  return [asked.length === 1 ? (asked[0] ?? 'false') : `(${asked.join(' || ')})`];
}

function valueCondition(wanted: string, value: string): string {
  if (numberOrBoolean.test(wanted)) return `string(${value}) == ${celText(wanted)}`;
  if (isOtherThanText(wanted)) {
    // Whether 1.0 is "1.0" depends on how it was written, which nobody sees here.
    throw new NotConvertible('its rule compares a number, list or map that can be written in several ways');
  }
  return `${value} == ${celText(wanted)}`;
}

/** Whether a number, list or map of the payload may be written so, or nothing, which is `<nil>` in Go. */
function isOtherThanText(wanted: string): boolean {
  try {
    const value: unknown = JSON.parse(wanted);
    return typeof value === 'number' || (typeof value === 'object' && value !== null);
  } catch {
    return wanted === '<nil>';
  }
}

function testCondition({ kind, text, singleLine }: TextTest, value: string): string {
  const isOneLine = singleLine ? [String.raw`!${value}.contains("\n")`] : [];
  const asked = askedOf(kind, celText(text), value);
  const all = [...asked, ...isOneLine];
  if (all.length === 0) return 'true';
  return all.length === 1 ? (all[0] ?? 'false') : `(${all.join(' && ')})`;
}

function askedOf(kind: TextTest['kind'], text: string, value: string): string[] {
  if (kind === 'any') return [];
  return [kind === 'equals' ? `${value} == ${text}` : `${value}.${kind}(${text})`];
}
