// The payload's bytes are found where they stand, whatever the formatting around and inside them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sliceMembers } from '../src/core/json-slice.ts';

fc.configureGlobal({ numRuns: 1_000 });

const depthMax = 64;
const names = ['payload', 'data'];

function sliceText(text: string, name = 'payload'): string | undefined {
  const bytes = Buffer.from(text);
  const slices = sliceMembers(bytes, names, depthMax);
  if (slices === 'too_deep') return 'too_deep';
  const slice = slices.get(name);
  return slice && bytes.subarray(slice.start, slice.end).toString();
}

const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** Any character of a string may be written as it is (when JSON allows it) or as \uXXXX. */
function writtenString(value: string): fc.Arbitrary<string> {
  const units = Array.from({ length: value.length }, (_, i) => value.charCodeAt(i));
  return fc.array(fc.boolean(), { minLength: units.length, maxLength: units.length }).map((escapes) => {
    const written = units.map((unit, i) => {
      const character = String.fromCharCode(unit);
      // Lone surrogates have no bytes of their own, and half of a pair cannot be escaped alone.
      const mustEscape = unit < 0x20 || unit === 0x22 || unit === 0x5c || (unit >= 0xd800 && unit <= 0xdfff);
      if (!mustEscape && !escapes[i]) return character;
      return `\\u${unit.toString(16).padStart(4, '0')}`;
    });
    return `"${written.join('')}"`;
  });
}

const scalar = fc.oneof(
  fc.constantFrom(
    'null',
    'true',
    'false',
    '1e400',
    '-0',
    '12345678901234567890',
    '1.0',
    '"\\/"',
    '"\\\\"',
    '""',
  ),
  fc.string({ unit: 'binary' }).chain(writtenString),
  fc.constantFrom('"\u2028\u2029"', '"}],{["', '"\\"}"', '"é𝄞"'),
);

function separated(parts: string[], spaces: string[], marks: [string, string]): string {
  const pad = (i: number) => spaces[i % Math.max(spaces.length, 1)] ?? '';
  return marks[0] + pad(0) + parts.map((part, i) => pad(i) + part + pad(i + 1)).join(',') + marks[1];
}

const writtenValue = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar,
    fc
      .tuple(fc.array(tie('value'), { maxLength: 3 }), fc.array(space))
      .map(([parts, spaces]) => separated(parts, spaces, ['[', ']'])),
    fc
      .tuple(
        fc.array(fc.tuple(fc.string().chain(writtenString), space, tie('value')), { maxLength: 3 }),
        fc.array(space),
      )
      .map(([members, spaces]) =>
        separated(
          members.map(([key, gap, value]) => `${key}${gap}:${gap}${value}`),
          spaces,
          ['{', '}'],
        ),
      ),
  ),
})).value;

const key = fc
  .oneof(fc.constantFrom('payload', 'data', 'payloads', 'paYload', '__proto__', ''), fc.string())
  .chain(writtenString);

const writtenBody = fc
  .tuple(fc.array(fc.tuple(key, space, writtenValue, space), { maxLength: 6 }), space, space)
  .map(([members, before, after]) => {
    const inner = members
      .map(([name, gap, value, tail]) => `${gap}${name}${tail}:${gap}${value}${tail}`)
      .join(',');
    return `${before}{${inner || before}}${after}`;
  });

describe('slicing members out of a JSON object', () => {
  it('gives for every formatting the text that JSON.parse reads the member from', () => {
    fc.assert(
      fc.property(writtenBody, (text) => {
        const parsed = JSON.parse(text) as Record<string, unknown>;
        for (const name of names) {
          const slice = sliceText(text, name);
          expect(slice !== undefined).toBe(Object.hasOwn(parsed, name));
          if (slice === undefined) continue;
          expect(JSON.parse(slice)).toEqual(parsed[name]);
          expect(slice).toBe(slice.replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, ''));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps the bytes of the member as they came', () => {
    fc.assert(
      fc.property(writtenValue, space, (value, gap) => {
        expect(sliceText(`{"eventType":"a",${gap}"payload"${gap}:${gap}${value}${gap},"z":1}`)).toBe(value);
      }),
    );
  });

  it.each([
    [
      'numbers beyond a double',
      '{"payload":{"a":1e400,"b":12345678901234567890}}',
      '{"a":1e400,"b":12345678901234567890}',
    ],
    ['white space inside', '{"payload" : { "a" :\n1 } }', '{ "a" :\n1 }'],
    ['escaped slashes', '{"payload":{"a":"\\/"}}', '{"a":"\\/"}'],
    ['line separators', '{"payload":{"a":"\u2028"}}', '{"a":"\u2028"}'],
    ['duplicate keys inside', '{"payload":{"a":1,"a":2}}', '{"a":1,"a":2}'],
    ['the last of two members', '{"payload":{"a":1},"payload":{"a":2}}', '{"a":2}'],
    ['an escaped key', '{"\\u0070ayload":{"a":1}}', '{"a":1}'],
    ['an escaped key that comes last', '{"payload":1,"p\\u0061yload":2}', '2'],
    ['a member of a member is not meant', '{"x":{"payload":1},"payload":2}', '2'],
    ['a string that looks like the end', '{"payload":"}\\\\","data":"\\"}"}', '"}\\\\"'],
    ['a number at the end', '{"payload":1}', '1'],
  ])('%s', (_, text, expected) => {
    expect(sliceText(text)).toBe(expected);
  });

  it('says too_deep above the limit and not at it', () => {
    const nested = (depth: number) => `{"x":1,"payload":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(sliceText(nested(depthMax))).toBe('['.repeat(depthMax) + ']'.repeat(depthMax));
    expect(sliceText(nested(depthMax + 1))).toBe('too_deep');
    expect(sliceText(nested(200_000))).toBe('too_deep');
  });

  it('ends on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        try {
          sliceMembers(bytes, names, depthMax);
        } catch (error) {
          // An escaped key that is no JSON string: only possible in text that JSON.parse refuses.
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
    );
  });
});
