// Text to bytes: one text for each byte string, judged by Buffer, which reads loosely and writes one way.
import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { decodeBase64, encodeBase64 } from '../src/base64.ts';
import { decodeText, encodeText } from '../src/provider/encoding.ts';
import { bodyBytes } from '../src/signed-content.ts';

const plain = (bytes: Uint8Array | undefined) => bytes && [...bytes];
const bytes = fc.uint8Array({ maxLength: 100 });
/** Texts that are nearly right: letters of the alphabets, padding, and what is neither. */
const nearly = fc.string({
  unit: fc.constantFrom(...'AQgwEIMcksBCDFab019+/-_=xXfF \n\0é'.split(''), '\u{1f600}', '\ud800'),
  maxLength: 12,
});

describe('base64', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(bytes, (given) => {
        const text = Buffer.from(given).toString('base64');
        expect(encodeBase64(given)).toBe(text);
        expect(plain(decodeBase64(text))).toEqual([...given]);
      }),
      { numRuns: 500 },
    );
  });

  it('is read in its one way of writing, and in no other', () => {
    fc.assert(
      fc.property(nearly, (text) => {
        const read = Buffer.from(text, 'base64');
        const isWrittenSo = read.toString('base64') === text;
        expect(plain(decodeBase64(text))).toEqual(isWrittenSo ? [...read] : undefined);
      }),
      { numRuns: 5_000 },
    );
  });

  it.each(['', '=', '==', '====', 'A', 'A===', 'AA=', 'AB==', 'AAB=', 'AA==AA==', 'AA==\n'])(
    'of %j is what Buffer writes, or nothing',
    (text) => {
      const read = Buffer.from(text, 'base64');
      expect(plain(decodeBase64(text))).toEqual(read.toString('base64') === text ? [...read] : undefined);
    },
  );
});

describe('hexadecimal', () => {
  it('comes back as it was, also in capitals', () => {
    fc.assert(
      fc.property(bytes, (given) => {
        const text = Buffer.from(given).toString('hex');
        expect(encodeText(given, 'hex')).toBe(text);
        for (const each of [text, text.toUpperCase()])
          expect(plain(decodeText(each, 'hex'))).toEqual([...given]);
      }),
    );
  });

  it('is read whole, or not at all', () => {
    fc.assert(
      fc.property(nearly, (text) => {
        const read = Buffer.from(text, 'hex');
        const isWhole = read.toString('hex') === text.toLowerCase();
        expect(plain(decodeText(text, 'hex'))).toEqual(isWhole ? [...read] : undefined);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('a text that UTF-8 cannot express', () => {
  const texts = String.prototype as unknown as { isWellFormed(): boolean | undefined };
  afterEach(() => vi.restoreAllMocks());

  it.each([
    ['asked of the text', false],
    ['found where texts do not know', true],
  ])('is no body: %s', (_, isOld) => {
    if (isOld) vi.spyOn(texts, 'isWellFormed').mockReturnValue(undefined);
    for (const text of ['\ud800', 'a\udc00b', '\udc00\ud800']) expect(bodyBytes(text)).toBeUndefined();
    for (const text of ['', 'é', '\u{1f600}', '\ufffd'])
      expect(plain(bodyBytes(text))).toEqual([...Buffer.from(text)]);
  });
});
