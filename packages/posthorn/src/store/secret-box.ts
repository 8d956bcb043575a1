// Encryption of endpoint secrets and credentials at rest: AES-256-GCM, the key's id stored beside the ciphertext.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const keyBytes = 32;
const keyIdBytes = 4;
const ivBytes = 12;
const tagBytes = 16;

/** What is stored was sealed with another key than this process has. */
export class WrongSecretKeyError extends Error {
  constructor() {
    super('this database is sealed with another secret key');
    this.name = 'WrongSecretKeyError';
  }
}

/** Seals text so that it opens only with the same key and for the same owner (`endpoint:ep_…:secret`). */
export interface SecretBox {
  seal(text: string, owner: string): Buffer;
  /** Throws when the key is another one, the owner differs or the bytes were altered. */
  open(sealed: Buffer, owner: string): string;
}

/** `key`: 32 bytes. Layout of a sealed value: key id (4 bytes) | iv (12) | tag (16) | ciphertext. */
export function createSecretBox(key: Uint8Array): SecretBox {
  if (key.length !== keyBytes) throw new Error(`the secret key must be ${keyBytes} bytes, got ${key.length}`);
  const keyId = createHash('sha256').update('posthorn key id').update(key).digest().subarray(0, keyIdBytes);
  return {
    seal(text, owner) {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(owner));
      const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([keyId, iv, cipher.getAuthTag(), ciphertext]);
    },
    open(sealed, owner) {
      if (!sealed.subarray(0, keyIdBytes).equals(keyId)) {
        throw new WrongSecretKeyError();
      }
      const iv = sealed.subarray(keyIdBytes, keyIdBytes + ivBytes);
      const tag = sealed.subarray(keyIdBytes + ivBytes, keyIdBytes + ivBytes + tagBytes);
      const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(owner)).setAuthTag(tag);
      const ciphertext = sealed.subarray(keyIdBytes + ivBytes + tagBytes);
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8');
    },
  };
}
