// JSON that is read before anybody knows who wrote it. Megabytes of brackets take seconds to parse, of text they do not.

/** Says that a text was not parsed. */
export class TooManyValues extends Error {
  override readonly name = 'TooManyValues';
  constructor(valuesMax: number) {
    super(`the JSON holds more than ${valuesMax} values`);
  }
}

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const openBracket = 0x5b;
const openBrace = 0x7b;

/** Undefined for a text that is no JSON. Throws `TooManyValues` for one that is not worth the time. */
export function parseJson(text: string, valuesMax: number): unknown {
  if (hasMoreValues(text, valuesMax)) throw new TooManyValues(valuesMax);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** In one pass; nothing of a text in quotes counts. */
function hasMoreValues(text: string, valuesMax: number): boolean {
  if (text.length <= valuesMax) return false;
  let values = 0;
  let isQuoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === quote) isQuoted = !isQuoted;
    else if (isQuoted) index += Number(code === backslash);
    else if (code === comma || code === openBracket || code === openBrace) {
      values += 1;
      if (values > valuesMax) return true;
    }
  }
  return false;
}
