// Structured fields (RFC 9651, which replaces RFC 8941): strict reading, bounded, and the one way to write them.
// Stricter than the RFC in two places, because signatures hang on it: a key that comes twice and base64 that is not
// canonical are refused. Display strings are not read.
import { decodeBase64, encodeBase64 } from '../base64.ts';

export type BareItem =
  | { readonly type: 'integer' | 'decimal' | 'date'; readonly value: number }
  | { readonly type: 'string' | 'token'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Uint8Array<ArrayBuffer> }
  | { readonly type: 'boolean'; readonly value: boolean };
export type Parameters = ReadonlyMap<string, BareItem>;
export type Item = { readonly item: BareItem; readonly parameters: Parameters };
export type InnerList = { readonly items: readonly Item[]; readonly parameters: Parameters };
export type Dictionary = ReadonlyMap<string, Item | InnerList>;

/** Longer fields are refused unread. */
const fieldMaxChars = 8_192;
const integerMaxDigits = 15;
const wholeMaxDigits = 12;
const fractionMaxDigits = 3;

const keyText = /[a-z*][a-z0-9_.*-]*/y;
const numberText = /-?(\d+)(?:\.(\d*))?/y;
// A backslash escapes the quote and itself, and nothing else.
const stringText = /"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/y;
const tokenText = /[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*/y;
const bytesText = /:([A-Za-z0-9+/=]*):/y;
const booleanText = /\?([01])/y;
const blanks = / */y;
const optionalBlanks = /[ \t]*/y;

/** Undefined for anything that is no dictionary. */
export function parseDictionary(text: string): Dictionary | undefined {
  return parsed(text, readDictionary);
}

class NotStructured extends Error {}

type Reader = { readonly text: string; at: number };

function parsed<T>(text: string, read: (reader: Reader) => T): T | undefined {
  if (text.length > fieldMaxChars) return undefined;
  const reader: Reader = { text, at: 0 };
  try {
    skip(reader, blanks);
    const value = read(reader);
    skip(reader, blanks);
    return reader.at === text.length ? value : undefined;
  } catch (error) {
    if (error instanceof NotStructured) return undefined;
    throw error;
  }
}

function readDictionary(reader: Reader): Dictionary {
  const members = new Map<string, Item | InnerList>();
  while (reader.at < reader.text.length) {
    const key = newKey(reader, members);
    members.set(key, readMember(reader));
    skip(reader, optionalBlanks);
    if (reader.at === reader.text.length) return members;
    expectChar(reader, ',');
    skip(reader, optionalBlanks);
    // A comma promises one more.
    if (reader.at === reader.text.length) throw new NotStructured();
  }
  return members;
}

function readMember(reader: Reader): Item | InnerList {
  if (!takeChar(reader, '=')) {
    return { item: { type: 'boolean', value: true }, parameters: readParameters(reader) };
  }
  return reader.text[reader.at] === '(' ? readInnerList(reader) : readItem(reader);
}

function readInnerList(reader: Reader): InnerList {
  const items: Item[] = [];
  expectChar(reader, '(');
  for (;;) {
    skip(reader, blanks);
    if (takeChar(reader, ')')) return { items, parameters: readParameters(reader) };
    items.push(readItem(reader));
    const next = reader.text[reader.at];
    if (next !== ' ' && next !== ')') throw new NotStructured();
  }
}

function readItem(reader: Reader): Item {
  return { item: readBareItem(reader), parameters: readParameters(reader) };
}

function readParameters(reader: Reader): Parameters {
  const parameters = new Map<string, BareItem>();
  while (takeChar(reader, ';')) {
    skip(reader, blanks);
    const key = newKey(reader, parameters);
    parameters.set(key, takeChar(reader, '=') ? readBareItem(reader) : { type: 'boolean', value: true });
  }
  return parameters;
}

function newKey(reader: Reader, known: ReadonlyMap<string, unknown>): string {
  const [key] = take(reader, keyText);
  if (known.has(key)) throw new NotStructured();
  return key;
}

function readBareItem(reader: Reader): BareItem {
  const first = reader.text[reader.at] ?? '';
  if (/[-0-9]/.test(first)) return readNumber(reader);
  if (/[A-Za-z*]/.test(first)) return { type: 'token', value: take(reader, tokenText)[0] };
  switch (first) {
    case '"':
      return { type: 'string', value: (take(reader, stringText)[1] ?? '').replaceAll(/\\(["\\])/g, '$1') };
    case '?':
      return { type: 'boolean', value: take(reader, booleanText)[1] === '1' };
    case ':': {
      const value = decodeBase64(take(reader, bytesText)[1] ?? '');
      if (value === undefined) throw new NotStructured();
      return { type: 'bytes', value };
    }
    case '@': {
      expectChar(reader, '@');
      const number = readNumber(reader);
      if (number.type !== 'integer') throw new NotStructured();
      return { type: 'date', value: number.value };
    }
    default:
      throw new NotStructured();
  }
}

function readNumber(reader: Reader): { type: 'integer' | 'decimal'; value: number } {
  const [text, whole = '', fraction] = take(reader, numberText);
  if (fraction === undefined) {
    if (whole.length > integerMaxDigits) throw new NotStructured();
    return { type: 'integer', value: Number(text) };
  }
  const isWritable =
    whole.length <= wholeMaxDigits && fraction !== '' && fraction.length <= fractionMaxDigits;
  if (!isWritable) throw new NotStructured();
  return { type: 'decimal', value: Number(text) };
}

function take(reader: Reader, pattern: RegExp): RegExpExecArray {
  pattern.lastIndex = reader.at;
  const match = pattern.exec(reader.text);
  if (match === null) throw new NotStructured();
  reader.at += match[0].length;
  return match;
}

function skip(reader: Reader, pattern: RegExp): void {
  take(reader, pattern);
}

function takeChar(reader: Reader, char: string): boolean {
  const isThere = reader.text[reader.at] === char;
  if (isThere) reader.at += 1;
  return isThere;
}

function expectChar(reader: Reader, char: string): void {
  if (!takeChar(reader, char)) throw new NotStructured();
}

/** Throws `TypeError` for values that structured fields cannot express. */
export function serializeDictionary(members: Dictionary): string {
  return Array.from(members, ([key, member]) => {
    if ('item' in member && member.item.type === 'boolean' && member.item.value) {
      return serializeKey(key) + serializeParameters(member.parameters);
    }
    return `${serializeKey(key)}=${'item' in member ? serializeItem(member) : serializeInnerList(member)}`;
  }).join(', ');
}

export function serializeInnerList({ items, parameters }: InnerList): string {
  return `(${items.map(serializeItem).join(' ')})${serializeParameters(parameters)}`;
}

export function serializeItem({ item, parameters }: Item): string {
  return serializeBareItem(item) + serializeParameters(parameters);
}

function serializeParameters(parameters: Parameters): string {
  return Array.from(parameters, ([key, item]) => {
    const isTrue = item.type === 'boolean' && item.value;
    return `;${serializeKey(key)}${isTrue ? '' : `=${serializeBareItem(item)}`}`;
  }).join('');
}

function serializeKey(key: string): string {
  return wholly(keyText, key, 'a key of a structured field');
}

function serializeBareItem(item: BareItem): string {
  switch (item.type) {
    case 'integer':
      return serializeInteger(item.value);
    case 'date':
      return `@${serializeInteger(item.value)}`;
    case 'decimal':
      return serializeDecimal(item.value);
    case 'string':
      return wholly(stringText, `"${item.value.replaceAll(/["\\]/g, String.raw`\$&`)}"`, 'printable ASCII');
    case 'token':
      return wholly(tokenText, item.value, 'a token');
    case 'bytes':
      return `:${encodeBase64(item.value)}:`;
    case 'boolean':
      return item.value ? '?1' : '?0';
    default:
      return item satisfies never;
  }
}

function serializeInteger(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 10 ** integerMaxDigits) return String(value);
  throw new TypeError(`${value} is no integer of ${integerMaxDigits} digits`);
}

function serializeDecimal(value: number): string {
  const text = value.toFixed(fractionMaxDigits).replace(/0{1,2}$/, '');
  if (Math.abs(value) < 10 ** wholeMaxDigits) return text;
  throw new TypeError(`${value} has more than ${wholeMaxDigits} digits before its point`);
}

function wholly(pattern: RegExp, text: string, what: string): string {
  pattern.lastIndex = 0;
  if (pattern.exec(text)?.[0] === text) return text;
  throw new TypeError(`${JSON.stringify(text.slice(0, 64))} is not ${what}`);
}
