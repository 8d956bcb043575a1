// What the provider may have sent, guessed from a body that something between it and us has changed.
import { escapedForHtml, escapedNonAscii, escapedSlashes, restyled } from './json-text.ts';
import { unescaped, withSortedKeys } from './json-text.ts';
import type { JsonStyle } from './json-text.ts';
import type { BodyCause } from './causes.ts';

type Bytes = Uint8Array<ArrayBuffer>;
type Text = { readonly cause: BodyCause; readonly text: string };
export type BodyVariant = { readonly cause: BodyCause; readonly body: Bytes };

// Above this, only line ends at the end are tried: the rest takes memory.
const textMaxBytes = 256 * 1024;
const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const byteOrderMark = '\uFEFF';
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

const compact: JsonStyle = { indent: '', afterComma: '', afterColon: '' };
const spaced: JsonStyle = { indent: '', afterComma: ' ', afterColon: ' ' };
const indented = (indent: string): JsonStyle => ({ indent, afterComma: '', afterColon: ' ' });
const styles: readonly JsonStyle[] = [compact, indented('  '), spaced, indented('    '), indented('\t')];

/** The likeliest first. Each is made only when the one before it did not fit. */
export function* bodyVariants(body: Bytes): Generator<BodyVariant> {
  yield* lineEndVariants(body);
  if (body.length > textMaxBytes) return;
  const text = decoded(body);
  if (text === undefined) {
    // Bytes that are no UTF-8 may be what is left of it after a decoder took them for Latin-1, or the other way round.
    yield { cause: 'body-reencoded', body: encoded(fromLatin1(body)) };
    return;
  }
  const seen = new Set([text]);
  for (const variant of textVariants(text)) {
    if (seen.has(variant.text)) continue;
    seen.add(variant.text);
    yield { cause: variant.cause, body: encoded(variant.text) };
  }
  const latin1 = toLatin1(text);
  if (latin1 !== undefined) yield { cause: 'body-reencoded', body: latin1 };
}

function* lineEndVariants(body: Bytes): Generator<BodyVariant> {
  if (body.at(-1) === lineFeed) {
    const isCrlf = body.at(-2) === carriageReturn;
    yield { cause: 'newline-added', body: body.subarray(0, isCrlf ? -2 : -1) };
    if (isCrlf) yield { cause: 'newline-added', body: body.subarray(0, -1) };
  }
  for (const end of ['\n', '\r\n']) yield { cause: 'newline-lost', body: joined(body, encoder.encode(end)) };
}

function* textVariants(text: string): Generator<Text> {
  const bare = text.startsWith(byteOrderMark) ? text.slice(1) : text;
  yield reencoded(bare);
  yield { cause: 'newline-added', text: text.trim() };
  if (isJson(bare)) yield* jsonVariants(bare);
  else yield* formVariants(bare);
  yield reencoded(byteOrderMark + bare);
  yield reencoded(text.replaceAll('\r\n', '\n'));
  yield reencoded(text.replaceAll(/\r?\n/g, '\r\n'));
}

function reencoded(text: string): Text {
  return { cause: 'body-reencoded', text };
}

/** Every way of writing white space, combined with every way of writing characters. */
function* jsonVariants(text: string): Generator<Text> {
  for (const characters of writingsOf(text)) {
    yield { cause: 'body-reencoded', text: characters };
    yield* styledVariants(characters);
  }
  const sorted = withSortedKeys(text);
  for (const style of sorted === undefined ? [] : [compact, spaced, indented('  ')]) {
    const written = restyled(sorted ?? '', style);
    if (written !== undefined) yield { cause: 'body-reserialised', text: written };
  }
  // A form whose one field is JSON, and whose framework hands over that field.
  const field = encodeURIComponent(text);
  yield { cause: 'body-reserialised', text: `payload=${field}` };
  yield { cause: 'body-reserialised', text: `payload=${field.replaceAll('%20', '+')}` };
}

function* styledVariants(text: string): Generator<Text> {
  for (const [index, style] of styles.entries()) {
    const written = restyled(text, style);
    if (written === undefined) continue;
    yield { cause: 'body-reserialised', text: written };
    // The two commonest also with a line end after them, as printers of files write.
    if (index < 2) yield { cause: 'body-reserialised', text: `${written}\n` };
  }
}

function writingsOf(text: string): readonly string[] {
  const plain = unescaped(text);
  const ascii = escapedNonAscii(text, 'lower');
  return [
    ...new Set([
      text,
      plain,
      ascii,
      escapedSlashes(text),
      escapedSlashes(ascii),
      escapedForHtml(text),
      escapedNonAscii(text, 'upper'),
    ]),
  ];
}

function* formVariants(text: string): Generator<Text> {
  if (!text.includes('=')) return;
  const written = new URLSearchParams(text).toString();
  yield { cause: 'body-reserialised', text: written };
  yield { cause: 'body-reserialised', text: written.replaceAll('+', '%20') };
  // As encodeURIComponent leaves them alone.
  yield { cause: 'body-reserialised', text: unreserved(written.replaceAll('+', '%20')) };
  yield { cause: 'body-reserialised', text: unreserved(written) };
}

function unreserved(text: string): string {
  return text.replaceAll(/%(?:21|27|28|29|7E)/g, (code) => decodeURIComponent(code));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function decoded(bytes: Bytes): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function encoded(text: string): Bytes {
  return Uint8Array.from(encoder.encode(text));
}

function fromLatin1(bytes: Bytes): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}

/** The bytes that were taken for Latin-1; undefined when nothing but ASCII, or something else, is in the text. */
function toLatin1(text: string): Bytes | undefined {
  if (!/[\u0080-\u00ff]/.test(text) || /[\u0100-\uffff]/.test(text)) return undefined;
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function joined(body: Bytes, end: Uint8Array): Bytes {
  const whole = new Uint8Array(body.length + end.length);
  whole.set(body);
  whole.set(end, body.length);
  return whole;
}
