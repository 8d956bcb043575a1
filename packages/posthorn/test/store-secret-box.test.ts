// Sealed secrets: they open with their key for their owner, unaltered, and in no other way.
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createSecretBox, WrongSecretKeyError } from '../src/store/secret-box.ts';

const key = randomBytes(32);
const box = createSecretBox(key);
const owner = 'endpoint:ep_1:secret';
const keyIdBytes = 4;
const headBytes = 4 + 12 + 16;

describe('a secret box', () => {
  it.each(['whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD', '', 'ü 🎺\n\0', 'x'.repeat(100_000)])(
    'opens what it sealed (%#)',
    (text) => {
      expect(box.open(box.seal(text, owner), owner)).toBe(text);
    },
  );

  it('opens what another box with the same key sealed', () => {
    expect(createSecretBox(new Uint8Array(key)).open(box.seal('text', owner), owner)).toBe('text');
  });

  it('does not open for another owner', () => {
    const sealed = box.seal('text', owner);
    expect(() => box.open(sealed, 'endpoint:ep_2:secret')).toThrow();
    expect(() => box.open(sealed, 'endpoint:ep_1:headers')).toThrow();
  });

  it('does not open when any one bit was flipped', () => {
    const sealed = box.seal('text', owner);
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const altered = Buffer.from(sealed);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => box.open(altered, owner)).toThrow();
    }
  });

  it('does not open when bytes are missing or were added', () => {
    const sealed = box.seal('text', owner);
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => box.open(sealed.subarray(0, length), owner)).toThrow();
    }
    expect(() => box.open(Buffer.concat([sealed, Buffer.of(0)]), owner)).toThrow();
  });

  it('tells another key from altered bytes', () => {
    const sealed = createSecretBox(randomBytes(32)).seal('text', owner);
    expect(() => box.open(sealed, owner)).toThrow(WrongSecretKeyError);
  });

  it('blames the key only when it was the key', () => {
    const sealed = box.seal('text', owner);
    expect(() => box.open(sealed, 'someone else')).not.toThrow(/POSTHORN_SECRET_KEY/);
  });

  it('seals the same text differently every time, with no trace of text or key in it', () => {
    const [one, other] = [box.seal('the same text', owner), box.seal('the same text', owner)];
    expect(one.subarray(0, keyIdBytes)).toEqual(other.subarray(0, keyIdBytes));
    expect(one.subarray(keyIdBytes)).not.toEqual(other.subarray(keyIdBytes));
    expect(one.includes('the same text')).toBe(false);
    expect(one.includes(key.subarray(0, keyIdBytes))).toBe(false);
    expect(one).toHaveLength(headBytes + 'the same text'.length);
  });

  it.each([0, 16, 31, 33, 64])('takes no key of %i bytes', (bytes) => {
    expect(() => createSecretBox(randomBytes(bytes))).toThrow(/32 bytes/);
  });
});
