// Structured fields: what is read is what was written, as another library reads it, and nothing throws.
import fc from 'fast-check';
import * as oracle from 'structured-headers';
import { describe, expect, it } from 'vitest';
import {
  parseDictionary,
  serializeDictionary,
  serializeItem,
} from '../../src/http-signatures/structured-fields.ts';
import type { BareItem, Dictionary, InnerList, Item } from '../../src/http-signatures/structured-fields.ts';

const keys = fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,8}$/);
const integers = fc.integer({ min: -999_999_999_999_999, max: 999_999_999_999_999 });
const bareItems: fc.Arbitrary<BareItem> = fc.oneof(
  integers.map((value) => ({ type: 'integer' as const, value })),
  integers.map((value) => ({ type: 'date' as const, value })),
  fc
    .tuple(fc.integer({ min: -999_999_999_999, max: 999_999_999_999 }), fc.nat({ max: 999 }))
    .map(([whole, thousandths]) => ({ type: 'decimal' as const, value: Number(`${whole}.${thousandths}`) })),
  fc.stringMatching(/^[\x20-\x7e]{0,12}$/).map((value) => ({ type: 'string' as const, value })),
  fc
    .stringMatching(/^[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]{0,8}$/)
    .map((value) => ({ type: 'token' as const, value })),
  fc
    .uint8Array({ maxLength: 12 })
    .map((value) => ({ type: 'bytes' as const, value: Uint8Array.from(value) })),
  fc.boolean().map((value) => ({ type: 'boolean' as const, value })),
);
const parameters = fc.array(fc.tuple(keys, bareItems), { maxLength: 3 }).map((entries) => new Map(entries));
const items: fc.Arbitrary<Item> = fc.record({ item: bareItems, parameters });
const innerLists: fc.Arbitrary<InnerList> = fc.record({
  items: fc.array(items, { maxLength: 4 }),
  parameters,
});
const dictionaries: fc.Arbitrary<Dictionary> = fc
  .array(fc.tuple(keys, fc.oneof(items, innerLists)), { maxLength: 4 })
  .map((entries) => new Map<string, Item | InnerList>(entries));

const pieces = fc.constantFrom(
  ...String.raw`a b= = , ; ( ) " \ ?1 ? : YQ== - 1 . 0 @ * % é A / "x" :YQ==: a=1 ;q`.split(' '),
  ' ',
  '\t',
  ', ',
);
const texts = fc.oneof(
  fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

describe('what is written', () => {
  it('is read again as what it was', () => {
    fc.assert(
      fc.property(dictionaries, (dictionary) => {
        expect(parseDictionary(serializeDictionary(dictionary))).toEqual(dictionary);
      }),
    );
    fc.assert(
      fc.property(items, (item) => {
        expect(parseDictionary(`a=${serializeItem(item)}`)?.get('a')).toEqual(item);
      }),
    );
  });

  it('is written in one way', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const read = parseDictionary(text);
        if (read === undefined) return;
        const written = serializeDictionary(read);
        expect(serializeDictionary(parseDictionary(written) ?? new Map())).toBe(written);
      }),
    );
  });

  it.each([
    [{ type: 'integer', value: 10 ** 15 }],
    [{ type: 'integer', value: 1.5 }],
    [{ type: 'decimal', value: 10 ** 12 }],
    [{ type: 'string', value: 'é' }],
    [{ type: 'string', value: 'a\n' }],
    [{ type: 'token', value: 'two words' }],
    [{ type: 'token', value: '' }],
  ] as const)('%j cannot be written', (item) => {
    expect(() => serializeItem({ item, parameters: new Map() })).toThrow(TypeError);
  });
});

describe('what is read', () => {
  it('is read as structured-headers reads it, or refused for what is stricter here', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const read = parseDictionary(text);
        const expected = read === undefined ? undefined : oracleText(text);
        expect(read === undefined ? undefined : serializeDictionary(read)).toEqual(expected);
      }),
    );
  });

  /** What the other library takes and writes; undefined when it refuses. */
  function oracleText(text: string): string | undefined {
    try {
      return oracle.serializeDictionary(oracle.parseDictionary(text));
    } catch {
      return undefined;
    }
  }

  it.each([
    ['', []],
    ['  ', []],
    ['a', ['a']],
    ['a, b', ['a', 'b']],
    ['a\t ,\tb', ['a', 'b']],
    ['a=1;x;y=2, b=(1 "2" c);q=?0', ['a', 'b']],
    ['a=()', ['a']],
    ['a=( 1  2 )', ['a']],
    ['a=-1.125', ['a']],
    ['*=*a/b:c', ['*']],
    [String.raw`a="\"\\"`, ['a']],
  ])('%j has the keys %j', (text, expected) => {
    expect([...(parseDictionary(text)?.keys() ?? ['refused'])]).toEqual(expected);
  });

  it.each([
    ['A=1'],
    ['a=1,'],
    ['a=1,,b'],
    [',a'],
    ['a b'],
    ['a='],
    ['a =1'],
    ['a= 1'],
    ['\ta'],
    ['a=(1'],
    ['a=(1,2)'],
    ['a=(1)2'],
    ['a=("x""y")'],
    ['a=1.'],
    ['a=.5'],
    ['a=1.1234'],
    ['a=1234567890123.1'],
    ['a=1234567890123456'],
    ['a=--1'],
    ['a="x'],
    [String.raw`a="\x"`],
    ['a="é"'],
    ['a=:YQ:'],
    ['a=:YR==:'],
    ['a=:Y Q==:'],
    ['a=:YQ=='],
    ['a=?2'],
    ['a=@1.5'],
    ['a=%"x"'],
    ['a=1;A=1'],
    ['a=1; =1'],
    ['a=1, a=2'],
    ['a=1;x;x'],
    [`a="${'x'.repeat(8_192)}"`],
  ])('%j is refused', (text) => {
    expect(parseDictionary(text)).toBeUndefined();
  });
});
