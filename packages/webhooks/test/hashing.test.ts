// Hashes come out the same whoever makes them: Node's module, Web Crypto, or the one after the other has failed.
import { createHash, createHmac } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { digestOf, hmacOf, rememberHmac } from '../src/hashing.ts';

const secret = Uint8Array.from({ length: 32 }, (_, index) => index * 7);
const lengths = [0, 1, 1_024, 64 * 1_024, 64 * 1_024 + 1];
const contentOf = (length: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, index) => index % 251);
const webCrypto = crypto.subtle;

afterEach(() => vi.restoreAllMocks());

describe.each([
  ['by Node', undefined, 1],
  ['by Web Crypto, where a runtime has no such module', (): undefined => undefined, lengths.length],
  [
    'by Web Crypto, where what should give the module throws',
    (): undefined => {
      throw new Error('not supported here');
    },
    lengths.length,
  ],
] as const)('%s', (_, getBuiltinModule, calls) => {
  it('come out right', async () => {
    if (getBuiltinModule) vi.spyOn(process, 'getBuiltinModule').mockImplementation(getBuiltinModule);
    const signing = vi.spyOn(webCrypto, 'sign');
    const digesting = vi.spyOn(webCrypto, 'digest');
    for (const hash of ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'] as const) {
      signing.mockClear();
      digesting.mockClear();
      const key = await webCrypto.importKey('raw', secret, { name: 'HMAC', hash }, false, ['sign']);
      rememberHmac(key, hash, secret);
      const name = hash.replace('-', '');
      for (const content of lengths.map(contentOf)) {
        expect(Buffer.from(await hmacOf(key, content))).toEqual(
          createHmac(name, secret).update(content).digest(),
        );
        expect(Buffer.from(await digestOf(hash, content))).toEqual(createHash(name).update(content).digest());
      }
      // The large one is another thread's in any case.
      expect([signing.mock.calls.length, digesting.mock.calls.length]).toEqual([calls, calls]);
    }
  });
});
