// JSON text written in other ways, with every literal as it stands: parsing and printing would change numbers.

export type JsonStyle = {
  /** Line ends and indentation; empty for one line. */
  readonly indent: string;
  readonly afterComma: '' | ' ';
  readonly afterColon: '' | ' ';
};

const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/gs;
const depthMax = 64;
const writtenMaxChars = 1024 * 1024;

/** `text` must be JSON. Undefined when it is nested too deeply, or would become too long. */
export function restyled(text: string, style: JsonStyle): string | undefined {
  let written = '';
  let depth = 0;
  let before = '';
  const lineAt = (level: number) => (style.indent === '' ? '' : `\n${style.indent.repeat(level)}`);
  for (const [piece] of text.matchAll(token)) {
    const isClosing = piece === '}' || piece === ']';
    if (isClosing) depth -= 1;
    // An empty object or array stays on its line.
    const breaks = isClosing ? !isOpening(before) : isOpening(before) || before === ',';
    if (breaks) written += lineAt(depth);
    written += piece;
    if (piece === ',' && style.indent === '') written += style.afterComma;
    if (piece === ':') written += style.afterColon;
    if (isOpening(piece)) depth += 1;
    if (depth > depthMax || written.length > writtenMaxChars) return undefined;
    before = piece;
  }
  return written;
}

function isOpening(piece: string): boolean {
  return piece === '{' || piece === '[';
}

/** JSON with the keys of every object in order; undefined when it is nested too deeply. */
export function withSortedKeys(text: string): string | undefined {
  const value = sorted(JSON.parse(text) as unknown, 0);
  return value === tooDeep ? undefined : JSON.stringify(value);
}

const tooDeep = Symbol('too deep');

function sorted(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= depthMax) return tooDeep;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => sorted(item, depth + 1));
    return items.includes(tooDeep) ? tooDeep : items;
  }
  const entries = Object.entries(value)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, item]) => [key, sorted(item, depth + 1)] as const);
  return entries.some(([, item]) => item === tooDeep) ? tooDeep : Object.fromEntries(entries);
}

const pair = /\\(?:u([0-9a-fA-F]{4})|.)/gs;

/** Escapes that need not be there as the characters they stand for. */
export function unescaped(text: string): string {
  return text.replace(pair, (whole, hex: string | undefined) => {
    if (whole === String.raw`\/`) return '/';
    if (hex === undefined) return whole;
    const code = Number.parseInt(hex, 16);
    const char = String.fromCharCode(code);
    return code < 0x20 || char === '"' || char === '\\' ? whole : char;
  });
}

export function escapedNonAscii(text: string, letters: 'lower' | 'upper'): string {
  return text.replace(/[\u0080-\uffff]/g, (char) => unicodeEscape(char, letters));
}

/** As Go writes JSON, so that it can stand in HTML. */
export function escapedForHtml(text: string): string {
  return text.replace(/[<>&\u2028\u2029]/g, (char) => unicodeEscape(char, 'lower'));
}

/** As PHP writes JSON. */
export function escapedSlashes(text: string): string {
  return text.replace(/\\.|\//gs, (piece) => (piece === '/' ? String.raw`\/` : piece));
}

function unicodeEscape(char: string, letters: 'lower' | 'upper'): string {
  const hex = char.charCodeAt(0).toString(16).padStart(4, '0');
  return `\\u${letters === 'upper' ? hex.toUpperCase() : hex}`;
}
