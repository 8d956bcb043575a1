// Arrays in PostgreSQL's binary format: what goes in comes out, whatever it holds.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boolArray, byteaArray, int4Array, int8Array, textArray } from '../src/store/binary-array.ts';
import { openTestStore } from './support/store.ts';
import type { TestStore } from './support/store.ts';

const mebibyte = 1_048_576;
let store: TestStore;

beforeAll(async () => {
  store = await openTestStore(2);
});
afterAll(() => store.stop());

/** Read back as a whole, and counted through unnest, which is how every statement reads these arrays. */
async function throughPostgres<T>(type: string, parameter: Buffer): Promise<(T | null)[]> {
  const { rows } = await store.pool.query<{ list: (T | null)[]; unnested: number }>(
    `select $1::${type}[] as list,
       (select count(*)::integer from unnest($1::${type}[])) as unnested`,
    [parameter],
  );
  const { list, unnested } = rows[0]!;
  expect(unnested).toBe(list.length);
  return list;
}

const texts = (values: readonly (string | null | undefined)[]) =>
  throughPostgres<string>('text', textArray(values));
const bytes = (values: readonly (Uint8Array | null)[]) =>
  throughPostgres<Buffer>('bytea', byteaArray(values));

describe('text arrays', () => {
  it.each([
    ['nothing', []],
    ['an empty text', ['']],
    ['nulls', [null, 'a', null]],
    ['the word NULL', ['NULL', 'null']],
    ['quotes and backslashes', ['"', "'", '\\', '\\"', '\\\\x00', "'; drop table posthorn.message; --"]],
    ['braces, commas and blanks', ['{', '}', ',', '{a,b}', ' ', '\t\r\n']],
    ['characters of two, three and four bytes', ['ü', '€', '🎺', '漢字', 'e\u0301', '\u{10ffff}']],
  ])('hold %s', async (_name, values) => {
    expect(await texts(values)).toEqual(values);
  });

  it('hold undefined as null', async () => {
    expect(await texts(['a', undefined])).toEqual(['a', null]);
  });

  it('hold a text of a mebibyte, and ten thousand short ones', async () => {
    const long = 'ü'.repeat(mebibyte / 2);
    expect(await texts([long, 'short'])).toEqual([long, 'short']);
    const short = Array.from({ length: 10_000 }, (_, at) => `value ${at}`);
    expect(await texts(short)).toEqual(short);
  });

  it('hold every well-formed text without NUL, which PostgreSQL has not', async () => {
    const anyText = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', ''));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(anyText)), async (values) => {
        expect(await texts(values)).toEqual(values);
      }),
    );
  });
});

describe('bytea arrays', () => {
  it.each([
    ['nothing', []],
    ['no bytes', [Buffer.alloc(0)]],
    ['nulls', [null, Buffer.of(1), null]],
    ['every byte', [Buffer.from(Array.from({ length: 256 }, (_, at) => at))]],
  ])('hold %s', async (_name, values) => {
    expect(await bytes(values)).toEqual(values);
  });

  it('hold a mebibyte of bytes, also as a view into a larger buffer', async () => {
    const large = Buffer.alloc(mebibyte + 2, 0xa5);
    const view = new Uint8Array(large.buffer, large.byteOffset + 1, mebibyte);
    expect(await bytes([view, null])).toEqual([Buffer.from(view), null]);
  });

  it('hold all bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(fc.uint8Array())), async (values) => {
        const expected = values.map((value) => (value === null ? null : Buffer.from(value)));
        expect(await bytes(values)).toEqual(expected);
      }),
    );
  });
});

describe('arrays of numbers and truth values', () => {
  const int4 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  const int8 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);

  it('hold all integers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(int4)), async (values) => {
        expect(await throughPostgres<number>('integer', int4Array(values))).toEqual(values);
      }),
    );
  });

  it('hold all bigints, given as text or as whole numbers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(int8)), async (values) => {
        expect(await throughPostgres<string>('bigint', int8Array(values))).toEqual(values);
      }),
    );
    expect(await throughPostgres<string>('bigint', int8Array([0, -5, 2 ** 53, undefined]))).toEqual([
      '0',
      '-5',
      '9007199254740992',
      null,
    ]);
  });

  it('hold truth values', async () => {
    const values = [true, false, null, true];
    expect(await throughPostgres<boolean>('boolean', boolArray(values))).toEqual(values);
  });
});
