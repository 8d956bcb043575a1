// For any message: what is signed verifies, and one flipped bit anywhere refuses.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generateEd25519Secret, generateHmacSecret, publicKeyOf, sign, verify } from '../src/index.ts';
import type { SignatureHeaders } from '../src/index.ts';
import { clockAt } from './support/vectors.ts';

const idChars = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-'.split('');
const message = fc.record({
  id: fc.string({ unit: fc.constantFrom(...idChars), minLength: 1, maxLength: 64 }),
  timestamp: fc.nat({ max: 99_999_999_999 }),
  body: fc.uint8Array({ maxLength: 300 }),
});
const privateKey = await generateEd25519Secret();
const hmacSecret = generateHmacSecret();
const schemes = [
  { name: 'v1', signWith: hmacSecret, verifyWith: hmacSecret },
  { name: 'v1a', signWith: privateKey, verifyWith: await publicKeyOf(privateKey) },
];

function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = Uint8Array.from(bytes);
  const index = bit >> 3;
  flipped[index] = (flipped[index] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}

const flipChar = (text: string, bit: number) =>
  Buffer.from(flipBit(Buffer.from(text), bit)).toString('latin1');

describe.each(schemes)('$name', ({ signWith, verifyWith }) => {
  const check = (headers: SignatureHeaders, body: Uint8Array, seconds: number) =>
    verify({ headers, body, secrets: verifyWith, now: clockAt(seconds), toleranceSeconds: 'any-age' });

  it('verifies every message that was signed', async () => {
    const property = fc.asyncProperty(message, async ({ id, timestamp, body }) => {
      const headers = await sign({ id, timestamp, body, secrets: signWith });
      const verdict = await verify({ headers, body, secrets: verifyWith, now: clockAt(timestamp) });
      expect(verdict).toEqual({ ok: true, id, timestamp, secretIndex: 0 });
    });
    await fc.assert(property, { numRuns: 200 });
  });

  it('refuses a flipped bit in the body, the id, the timestamp and the signature', async () => {
    const property = fc.asyncProperty(message, fc.nat(), async ({ id, timestamp, body }, anyBit) => {
      const headers = await sign({ id, timestamp, body, secrets: signWith });
      expect(await check(headers, body, timestamp)).toMatchObject({ ok: true });
      if (body.length > 0) {
        const altered = flipBit(body, anyBit % (body.length * 8));
        expect(await check(headers, altered, timestamp)).toMatchObject({ ok: false, reason: 'mismatch' });
      }
      for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const) {
        const altered = { ...headers, [name]: flipChar(headers[name], anyBit % (headers[name].length * 8)) };
        expect(await check(altered, body, timestamp)).toMatchObject({ ok: false });
      }
    });
    await fc.assert(property, { numRuns: 200 });
  });

  it('refuses every single flipped bit of one signature', async () => {
    const body = Uint8Array.of(1, 2, 3);
    const headers = await sign({ id: 'msg_1', timestamp: 1, body, secrets: signWith });
    const signature = headers['webhook-signature'];
    for (let bit = 0; bit < signature.length * 8; bit += 1) {
      const altered = { ...headers, 'webhook-signature': flipChar(signature, bit) };
      expect(await check(altered, body, 1)).toMatchObject({ ok: false });
    }
  });

  it('never throws, whatever the headers and the body hold', async () => {
    const value = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.array(fc.string()),
      fc.constant(undefined),
    );
    const names = fc.constantFrom(
      'webhook-id',
      'Webhook-Id',
      'webhook-timestamp',
      'webhook-signature',
      'svix-id',
    );
    const property = fc.asyncProperty(fc.dictionary(names, value), fc.anything(), async (headers, body) => {
      const verdict = await verify({ headers, body: body as string, secrets: verifyWith });
      expect(verdict.ok).toBe(false);
    });
    await fc.assert(property, { numRuns: 300 });
  });
});
