// Secrets: which texts are keys, which are not, and that no error repeats one.
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  generateEd25519Secret,
  generateHmacSecret,
  parseSecret,
  publicKeyOf,
  SecretError,
  sign,
} from '../src/index.ts';
import { ed25519Vector, hmacVector } from './support/vectors.ts';

const fixed = (length: number) => new Uint8Array(length).fill(9);
const ofBytes = (prefix: string, length: number) => prefix + Buffer.alloc(length, 7).toString('base64');

async function errorOf(text: string): Promise<SecretError> {
  const error: unknown = await parseSecret(text).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SecretError) return error;
  throw new Error('the secret was accepted');
}

describe('parseSecret', () => {
  it.each([24, 32, 48, 64])('takes an HMAC secret of %i bytes', async (length) => {
    expect(await parseSecret(ofBytes('whsec_', length))).toMatchObject({ kind: 'hmac' });
  });

  it.each([1, 23, 65])('refuses an HMAC secret of %i bytes', async (length) => {
    expect((await errorOf(ofBytes('whsec_', length))).code).toBe('wrong-length');
  });

  it('takes an HMAC secret without its prefix', async () => {
    const bare = hmacVector.signWith.replace('whsec_', '');
    const headers = await sign({ ...hmacVector, secrets: bare });
    expect(headers['webhook-signature']).toBe(hmacVector.signature);
  });

  it.each([
    ['one pad of one', 32, '=', ''],
    ['one pad of two', 31, '==', '='],
    ['both pads', 31, '==', ''],
  ])('takes a secret that lost %s', async (_name, length, padding, left) => {
    const padded = ofBytes('whsec_', length);
    expect(padded.endsWith(padding)).toBe(true);
    const message = { id: 'msg_1', timestamp: 1, body: 'x' };
    const whole = await sign({ ...message, secrets: padded });
    expect(await sign({ ...message, secrets: padded.slice(0, -padding.length) + left })).toEqual(whole);
  });

  it('tells the kinds apart and gives the public key of a private one', async () => {
    expect(await parseSecret(ed25519Vector.signWith)).toMatchObject({
      kind: 'ed25519-private',
      publicKey: ed25519Vector.verifyWith,
    });
    expect(await parseSecret(ed25519Vector.verifyWith)).toMatchObject({ kind: 'ed25519-public' });
  });

  it('takes a private key that is only the seed', async () => {
    const seed = Buffer.from(ed25519Vector.signWith.slice(5), 'base64').subarray(0, 32);
    expect(await publicKeyOf(`whsk_${seed.toString('base64')}`)).toBe(ed25519Vector.verifyWith);
  });

  it('refuses a private key whose public half belongs to another', async () => {
    const bytes = Buffer.from(ed25519Vector.signWith.slice(5), 'base64');
    bytes[63] = (bytes[63] ?? 0) ^ 1;
    expect((await errorOf(`whsk_${bytes.toString('base64')}`)).code).toBe('key-mismatch');
  });

  it.each([
    ['', 'missing'],
    ['whsec_', 'missing'],
    ['whsk_', 'missing'],
    ['whpk_', 'missing'],
    ['whsec_====', 'not-base64'],
    [`${hmacVector.signWith}\n`, 'not-base64'],
    [` ${hmacVector.signWith}`, 'not-base64'],
    [`"${hmacVector.signWith}"`, 'not-base64'],
    [`whsec_${hmacVector.signWith}`, 'not-base64'],
    [`${hmacVector.signWith}====`, 'not-base64'],
    ['whsec_-_KQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'not-base64'],
    [`${ofBytes('whsec_', 32).slice(0, -2)}d=`, 'not-base64'],
    ['sk_live_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'not-base64'],
    [`whsec_${'A'.repeat(100_000)}`, 'not-base64'],
    [ofBytes('whsk_', 33), 'wrong-length'],
    [ofBytes('whsk_', 63), 'wrong-length'],
    [ofBytes('whpk_', 31), 'wrong-length'],
    [ofBytes('whpk_', 64), 'wrong-length'],
  ])('refuses %j as %s', async (text, code) => {
    const error = await errorOf(text);
    expect(error.code).toBe(code);
    expect(error.message.length).toBeGreaterThan(20);
  });

  it('refuses what is not a text, as an unset variable is', async () => {
    expect((await errorOf(undefined as unknown as string)).code).toBe('missing');
  });

  it('never repeats a secret, neither in an error nor in a logged value', async () => {
    const key = 'c2VjcmV0c2VjcmV0';
    for (const text of [`whsec_${key}`, `whsec_${key}!`, `whsk_${key}`, `whpk_${key}`, `whsec_ ${key}`]) {
      expect(inspect(await errorOf(text), { depth: 9, showHidden: true })).not.toContain(key);
    }
    const shown = inspect(await parseSecret(hmacVector.signWith), { depth: 9 });
    const bytes = Buffer.from(hmacVector.signWith.slice(6), 'base64');
    expect(shown).not.toContain(hmacVector.signWith.slice(6));
    expect(shown).not.toContain(bytes.toString('hex'));
    expect(JSON.stringify(await parseSecret(ed25519Vector.signWith))).not.toContain('6Xb/dCcH');
  });
});

describe('new secrets', () => {
  it('are 32 random bytes behind whsec_, never the same twice', () => {
    const drawn = new Set(Array.from({ length: 10_000 }, () => generateHmacSecret()));
    expect(drawn.size).toBe(10_000);
    for (const secret of [...drawn].slice(0, 100)) {
      expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    }
  });

  it('are whole key pairs behind whsk_, never the same twice', async () => {
    const first = await generateEd25519Secret();
    expect(first).toMatch(/^whsk_[A-Za-z0-9+/]{86}==$/);
    expect(await generateEd25519Secret()).not.toBe(first);
    const publicKey = Buffer.from((await publicKeyOf(first)).slice(5), 'base64');
    expect(Buffer.from(first.slice(5), 'base64').subarray(32)).toEqual(publicKey);
  });

  it('come from the given source of randomness', async () => {
    expect(generateHmacSecret(fixed)).toBe(`whsec_${Buffer.alloc(32, 9).toString('base64')}`);
    expect(await generateEd25519Secret(fixed)).toBe(await generateEd25519Secret(fixed));
  });

  it('are refused when the source gives too few bytes', () => {
    expect(() => generateHmacSecret(() => new Uint8Array(8))).toThrow(/8 bytes where 32/);
  });

  it.each([hmacVector.signWith, ed25519Vector.verifyWith])(
    'have no public key when not whsk_',
    async (text) => {
      await expect(publicKeyOf(text)).rejects.toMatchObject({ code: 'wrong-kind' });
    },
  );
});
