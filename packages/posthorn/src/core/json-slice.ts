// Finds where the members of a JSON object stand in its bytes, so that a payload is stored, signed and delivered
// exactly as it came: parsing and writing again would change 1e400, 12345678901234567890, escapes and white space.

/** Half-open range of byte offsets: `bytes.subarray(start, end)`. */
export interface Slice {
  start: number;
  end: number;
}

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

const tooDeep = -1;
const decoder = new TextDecoder();

function isSpace(byte: number | undefined): boolean {
  return byte === space || byte === lineFeed || byte === tab || byte === carriageReturn;
}

function skipSpace(json: Uint8Array, from: number): number {
  let at = from;
  while (isSpace(json[at])) at += 1;
  return at;
}

/** `from` is at the opening quote; answers the offset behind the closing one. */
function skipString(json: Uint8Array, from: number): number {
  let at = from + 1;
  while (at < json.length && json[at] !== quote) at += json[at] === backslash ? 2 : 1;
  return at + 1;
}

function endsScalar(byte: number | undefined): boolean {
  return byte === comma || byte === closeBrace || byte === closeBracket || isSpace(byte);
}

function skipScalar(json: Uint8Array, from: number): number {
  let at = from;
  while (at < json.length && !endsScalar(json[at])) at += 1;
  return at;
}

function skipContainer(json: Uint8Array, from: number, depthMax: number): number {
  let depth = 0;
  let at = from;
  while (at < json.length) {
    const byte = json[at];
    if (byte === quote) {
      at = skipString(json, at);
      continue;
    }
    at += 1;
    if (byte === openBrace || byte === openBracket) {
      depth += 1;
      if (depth > depthMax) return tooDeep;
    } else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return at;
}

function skipValue(json: Uint8Array, from: number, depthMax: number): number {
  const first = json[from];
  if (first === quote) return skipString(json, from);
  if (first === openBrace || first === openBracket) return skipContainer(json, from, depthMax);
  return skipScalar(json, from);
}

/** The one of `names` that is written at [start, end), quotes excluded; escapes count as what they stand for. */
function nameAt(json: Uint8Array, { start, end }: Slice, names: readonly string[]): string | undefined {
  const bytes = json.subarray(start, end);
  if (bytes.includes(backslash)) {
    const name: unknown = JSON.parse(`"${decoder.decode(bytes)}"`);
    return names.find((candidate) => candidate === name);
  }
  return names.find(
    (name) => name.length === bytes.length && bytes.every((byte, i) => byte === name.charCodeAt(i)),
  );
}

/**
 * The slices of the elements of the JSON array at `array` in `json`, without the white space around them. 'too_deep'
 * when an element nests deeper than `depthMax`. The same holds as for `sliceMembers`.
 */
export function sliceElements(json: Uint8Array, array: Slice, depthMax: number): Slice[] | 'too_deep' {
  const slices: Slice[] = [];
  let at = skipSpace(json, array.start + 1);
  while (at < array.end && json[at] !== closeBracket) {
    const end = skipValue(json, at, depthMax);
    if (end === tooDeep) return 'too_deep';
    slices.push({ start: at, end });
    at = skipSpace(json, skipSpace(json, end) + 1);
  }
  return slices;
}

/**
 * The slices of the top-level members called `names` (ASCII) of the JSON object `json`, without the white space
 * around them. A name that is absent is absent; of a name that comes twice the last counts, as with JSON.parse.
 * 'too_deep' when a member nests arrays and objects deeper than `depthMax`.
 *
 * `json` must be a valid JSON object in UTF-8 (JSON.parse has accepted it): this is no validator. One pass, no
 * recursion; it ends on any input.
 */
export function sliceMembers(
  json: Uint8Array,
  names: readonly string[],
  depthMax: number,
): Map<string, Slice> | 'too_deep' {
  const slices = new Map<string, Slice>();
  let at = skipSpace(json, 0) + 1;
  for (;;) {
    at = skipSpace(json, at);
    if (json[at] !== quote) return slices;
    const key = { start: at + 1, end: skipString(json, at) - 1 };
    const start = skipSpace(json, skipSpace(json, key.end + 1) + 1);
    const end = skipValue(json, start, depthMax);
    if (end === tooDeep) return 'too_deep';
    const name = nameAt(json, key, names);
    if (name !== undefined) slices.set(name, { start, end });
    at = skipSpace(json, end) + 1;
  }
}
