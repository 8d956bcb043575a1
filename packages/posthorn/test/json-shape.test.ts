// Whether bytes are JSON, and how much of it: judged as JSON.parse does, without building anything.
import { expect, test } from 'vitest';
import { advanceShape, hasMoreMembers, shapeOfJson, walkShape } from '../src/core/json-shape.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const texts = [
  '',
  ' ',
  '1',
  '-0',
  '-',
  '01',
  '1.',
  '.5',
  '1.5e+3',
  '1e',
  '1E-2',
  '+1',
  '1e1.5',
  '--1',
  '0x10',
  'NaN',

  'true',
  'tru',
  'truex',
  'nul',
  'null ',
  'false\n',
  'True',
  'undefined',
  '\0',
  '\u00a01',
  '\ufeff{}',
  '\v1',
  '""',
  '"',
  '"\\',
  '"\\"',
  '"\\n"',
  '"\\x"',
  '"\\u12g4"',
  '"\\u12"',
  '"\\uAbCd"',
  '"\t"',
  '"\u007f"',
  '"\u2028é"',
  "'a'",
  '"a""b"',
  '1//',
  '{}{}',

  '[]',
  '[',
  ']',
  '[1,]',
  '[,]',
  '[1 2]',
  '[1,2]',
  '[[],[[]]]',
  '[}',
  '[]]',
  '[]x',
  '[1',
  '[1,',
  ' [ 1 , 2 ] ',

  '{}',
  '{',
  '}',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{a:1}',
  '{"a":1 "b":2}',
  '{"a" : {"b":[]} }',
  '{"a":1]',
  '{1:2}',
  '{"a"',
  '{"a":1,"a":2}',
  '[1.5,-2e9]',
];

test.each(texts)('%j is JSON, or is not, as JSON.parse says', (text) => {
  expect(shapeOfJson(bytesOf(text))?.kind).toBe(isJson(text) ? 'valid' : 'invalid');
});

test('so is every text with one character changed, added or left out', () => {
  const text = '{"a\\n":[1,-2.5e+10,true,null,{"b":{}},[],""], "c" : "\\u00e9x" }';
  const characters = [...'{}[],:"\\0-.eEu \n\tx', ''];
  for (let at = 0; at <= text.length; at += 1) {
    const before = text.slice(0, at);
    const changed = characters.flatMap((char) => [
      before + char + text.slice(at + 1),
      before + char + text.slice(at),
    ]);
    for (const one of changed) {
      expect(shapeOfJson(bytesOf(one))?.kind, one).toBe(isJson(one) ? 'valid' : 'invalid');
    }
  }
});

test('counts values and the members of the outermost container', () => {
  const shape = (text: string) => shapeOfJson(bytesOf(text));
  expect(shape('1')).toEqual({ kind: 'valid', values: 1, members: 0 });
  expect(shape('[]')).toEqual({ kind: 'valid', values: 1, members: 0 });
  expect(shape('{"a":[1,[2]],"a":"x"}')).toEqual({ kind: 'valid', values: 6, members: 2 });
});

test('names the byte where it stops being JSON', () => {
  expect(shapeOfJson(bytesOf('{"é":1,}'))).toEqual({ kind: 'invalid', at: 8 });
  expect(shapeOfJson(bytesOf('[1,2'))).toEqual({ kind: 'invalid', at: 4 });
});

test('a million brackets are no problem, closed or not', () => {
  const depth = 1_000_000;
  const open = '['.repeat(depth);
  expect(shapeOfJson(bytesOf(open + ']'.repeat(depth)))).toMatchObject({ values: depth });
  expect(shapeOfJson(bytesOf(open))).toEqual({ kind: 'invalid', at: depth });
});

test('stops at the first value too many', () => {
  expect(shapeOfJson(bytesOf('[1,2,3'), 2)).toBeUndefined();
  expect(shapeOfJson(bytesOf('[1,2]'), 3)).toMatchObject({ kind: 'valid', values: 3 });
});

test('a walk in parts comes to the same', () => {
  const text = '{"a":[1,[2,"xyz"]],"b":{"c":null}}';
  const walk = walkShape(bytesOf(text));
  const advance = () => advanceShape(walk, walk.at + 1, Number.POSITIVE_INFINITY);
  let parts = 1;
  let shape = advance();
  for (; shape === undefined; parts += 1) shape = advance();
  expect(shape).toEqual(shapeOfJson(bytesOf(text)));
  expect(parts).toBeGreaterThan(5);
});

test('counts the members of one container', () => {
  const json = bytesOf('{"a":[1,[2,2],{"b":",","c":3}],"d":4}');
  const at = json.indexOf('['.charCodeAt(0));
  expect(hasMoreMembers(json, at, 3)).toBe(false);
  expect(hasMoreMembers(json, at, 2)).toBe(true);
});
