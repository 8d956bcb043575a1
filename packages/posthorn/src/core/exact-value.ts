// Takes one value out of JSON as it stands there: a number keeps every digit, which parsing would not.
import { sliceElements, sliceMembers } from './json-slice.ts';

/** `text` of a string is what it means, of everything else what is written. */
export type ExactValue =
  | { kind: 'absent' }
  | { kind: 'null' }
  | { kind: 'string' | 'number' | 'boolean' | 'json'; text: string };

const depthMax = 128;
const openBrace = 0x7b;
const openBracket = 0x5b;
const decoder = new TextDecoder();

/** `json` must be valid JSON in UTF-8. `steps` as of a message path (message-path.ts). */
export function exactValue(json: Uint8Array, steps: readonly string[]): ExactValue {
  let at: Uint8Array | undefined = trimmed(json);
  for (const step of steps) {
    if (at === undefined) break;
    at = partOf(at, step);
  }
  return at === undefined ? { kind: 'absent' } : described(decoder.decode(at));
}

const isSpace = (byte: number | undefined) => byte !== undefined && byte <= 0x20;

function trimmed(json: Uint8Array): Uint8Array {
  let [start, end] = [0, json.length];
  while (start < end && isSpace(json[start])) start += 1;
  while (end > start && isSpace(json[end - 1])) end -= 1;
  return json.subarray(start, end);
}

function partOf(json: Uint8Array, step: string): Uint8Array | undefined {
  const slice = sliceOf(json, step);
  return slice && json.subarray(slice.start, slice.end);
}

function sliceOf(json: Uint8Array, step: string) {
  if (json[0] === openBrace) {
    const members = sliceMembers(json, [step], depthMax);
    return members === 'too_deep' ? undefined : members.get(step);
  }
  if (json[0] !== openBracket) return undefined;
  const elements = sliceElements(json, { start: 0, end: json.length }, depthMax);
  return elements === 'too_deep' ? undefined : elements[Number(step)];
}

function described(text: string): ExactValue {
  if (text === 'null') return { kind: 'null' };
  if (text === 'true' || text === 'false') return { kind: 'boolean', text };
  if (text.startsWith('"')) return { kind: 'string', text: JSON.parse(text) as string };
  return { kind: /^[-\d]/.test(text) ? 'number' : 'json', text };
}
