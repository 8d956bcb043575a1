// Tells whether bytes are JSON, and how many values they hold, without building any of them: building two mebibytes of
// empty objects, or of brackets that are never closed, takes half a second, in which nobody else is served.

/** `values` counts all values, containers included; `members` only those directly in the outermost container. */
export type JsonShape =
  | { kind: 'valid'; values: number; members: number }
  /** `at`: the offset in bytes where it stops being JSON. */
  | { kind: 'invalid'; at: number };

/** Where the walk over a JSON text stands, so that it can be done in parts. */
export interface ShapeWalk {
  readonly json: Uint8Array;
  /** The byte that closes the container at each depth. */
  readonly closers: Uint8Array;
  depth: number;
  /** Where the next value begins. */
  at: number;
  values: number;
  members: number;
}

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const quote = 0x22;
const plus = 0x2b;
const comma = 0x2c;
const minus = 0x2d;
const point = 0x2e;
const zero = 0x30;
const nine = 0x39;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const letterU = 0x75;
// Letters differ from their capitals in this bit alone.
const lowerCase = 0x20;
const letterA = 0x61;
const letterE = 0x65;
const letterF = 0x66;
const hexDigits = 4;

const codesOf = (text: string) => [...text].map((char) => char.charCodeAt(0));
const escapable: ReadonlySet<number | undefined> = new Set(codesOf('"\\/bfnrt'));
const literals: ReadonlyMap<number | undefined, readonly number[]> = new Map(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), codesOf(word)]),
);

// Where a part ends, or where it is wrong: the offset with all its bits turned, which is negative.
type End = number;
const wrongAt = (at: number): End => ~at;

// Behind the last byte there is no digit: -1.
function isDigit(byte = -1): boolean {
  return byte >= zero && byte <= nine;
}

function isHexDigit(byte = -1): boolean {
  const lower = byte | lowerCase;
  return isDigit(byte) || (lower >= letterA && lower <= letterF);
}

function skipSpace(json: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = json[at];
    if (byte !== space && byte !== lineFeed && byte !== tab && byte !== carriageReturn) return at;
    at += 1;
  }
}

/** `from` is behind the backslash. */
function endOfEscape(json: Uint8Array, from: number): End {
  if (json[from] !== letterU) return escapable.has(json[from]) ? from + 1 : wrongAt(from);
  for (let at = from + 1; at <= from + hexDigits; at += 1) {
    if (!isHexDigit(json[at])) return wrongAt(at);
  }
  return from + 1 + hexDigits;
}

/** `from` is at the opening quote. */
function endOfString(json: Uint8Array, from: number): End {
  let at = from + 1;
  while (at < json.length) {
    const byte = json[at] ?? 0;
    if (byte === quote) return at + 1;
    if (byte < space) return wrongAt(at);
    at = byte === backslash ? endOfEscape(json, at + 1) : at + 1;
    if (at < 0) return at;
  }
  return wrongAt(at);
}

function endOfDigits(json: Uint8Array, from: number): End {
  if (!isDigit(json[from])) return wrongAt(from);
  let at = from + 1;
  while (isDigit(json[at])) at += 1;
  return at;
}

function endOfNumber(json: Uint8Array, from: number): End {
  const first = json[from] === minus ? from + 1 : from;
  let at = json[first] === zero ? first + 1 : endOfDigits(json, first);
  if (at > 0 && json[at] === point) at = endOfDigits(json, at + 1);
  if (at > 0 && ((json[at] ?? 0) | lowerCase) === letterE) {
    const hasSign = json[at + 1] === plus || json[at + 1] === minus;
    at = endOfDigits(json, hasSign ? at + 2 : at + 1);
  }
  return at;
}

function endOfScalar(json: Uint8Array, from: number): End {
  const first = json[from];
  if (first === quote) return endOfString(json, from);
  if (first === minus || isDigit(first)) return endOfNumber(json, from);
  const word = literals.get(first);
  if (word === undefined) return wrongAt(from);
  const wrong = word.findIndex((code, i) => json[from + i] !== code);
  return wrong === -1 ? from + word.length : wrongAt(from + wrong);
}

/** Where the next value of a container begins: in an object, behind its name. */
function startOfValue(json: Uint8Array, from: number, closer: number | undefined): End {
  if (closer !== closeBrace) return from;
  if (json[from] !== quote) return wrongAt(from);
  const end = endOfString(json, from);
  if (end < 0) return end;
  const at = skipSpace(json, end);
  return json[at] === colon ? skipSpace(json, at + 1) : wrongAt(at);
}

/** Begins a walk over `json`, which may be any bytes; that they are UTF-8 is not looked at. */
export function walkShape(json: Uint8Array): ShapeWalk {
  const closers = new Uint8Array(json.length + 1);
  return { json, closers, depth: 0, at: skipSpace(json, 0), values: 0, members: 0 };
}

/**
 * Walks on until a value begins at `until` or behind it, or there are more than `valuesMax`: undefined then; else, the
 * end was reached, the shape. Accepts exactly what JSON.parse does. No recursion, and no limit of depth.
 */
export function advanceShape(walk: ShapeWalk, until: number, valuesMax: number): JsonShape | undefined {
  const { json, closers } = walk;
  let { depth, at, values, members } = walk;
  while (at >= 0 && at < until && values <= valuesMax) {
    const first = json[at];
    values += 1;
    if (depth === 1) members += 1;
    if (first === openBrace || first === openBracket) {
      depth += 1;
      closers[depth] = first === openBrace ? closeBrace : closeBracket;
      at = skipSpace(json, at + 1);
      if (json[at] !== closers[depth]) {
        at = startOfValue(json, at, closers[depth]);
        continue;
      }
    } else {
      at = endOfScalar(json, at);
      if (at < 0) break;
      at = skipSpace(json, at);
    }
    for (; depth > 0 && json[at] === closers[depth]; depth -= 1) at = skipSpace(json, at + 1);
    if (depth === 0 && at === json.length) return { kind: 'valid', values, members };
    at = depth > 0 && json[at] === comma ? skipSpace(json, at + 1) : wrongAt(at);
    if (at >= 0) at = startOfValue(json, at, closers[depth]);
  }
  if (at < 0) return { kind: 'invalid', at: ~at };
  Object.assign(walk, { depth, at, values, members });
  return undefined;
}

/** The shape of `json`; undefined as soon as it has more than `valuesMax` values. */
export function shapeOfJson(json: Uint8Array, valuesMax = Number.POSITIVE_INFINITY): JsonShape | undefined {
  return advanceShape(walkShape(json), Number.POSITIVE_INFINITY, valuesMax);
}

/**
 * Whether the array or object that begins at `from` in `json`, which is valid, has more than `membersMax` members. Stops
 * at the first one too many.
 */
export function hasMoreMembers(json: Uint8Array, from: number, membersMax: number): boolean {
  let depth = 0;
  let members = 1;
  for (let at = from; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === quote) at = endOfString(json, at) - 1;
    else if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) depth -= 1;
    else if (byte === comma && depth === 1) members += 1;
    if (depth === 0 || members > membersMax) break;
  }
  return members > membersMax;
}
