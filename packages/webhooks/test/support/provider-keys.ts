// Key pairs for tests, made anew in every run, and certificates built by hand, so that their dates can be chosen.
import { generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export type KeyPair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

export const rsaKeys: KeyPair = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const ecKeys: KeyPair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const ed25519Keys: KeyPair = generateKeyPairSync('ed25519');

export function privatePem({ privateKey }: KeyPair): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

export function publicPem({ publicKey }: KeyPair): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

export function publicDer({ publicKey }: KeyPair): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' });
}

/** The 32 bytes of an Ed25519 public key. */
export function rawPublicKey(keys: KeyPair): Buffer {
  return publicDer(keys).subarray(-32);
}

export function jwkOf({ publicKey }: KeyPair, keyId: string): Record<string, unknown> {
  return { ...publicKey.export({ format: 'jwk' }), kid: keyId, use: 'sig' };
}

function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const length = content.length;
  const head =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

function timeElement(at: Date): Buffer {
  const text = at.toISOString().replace(/[-:T]/g, '').slice(0, 14);
  // RFC 5280 section 4.1.2.5: two digits of the year until 2049.
  return at.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(`${text.slice(2)}Z`))
    : der(0x18, Buffer.from(`${text}Z`));
}

/** A self-signed certificate (X.509 version 3) in PEM. */
export function certificateOf(
  keys: KeyPair,
  from = new Date('2020-01-01'),
  to = new Date('2099-01-01'),
): string {
  const algorithm = der(0x30, Buffer.from('06092a864886f70d01010b0500', 'hex'));
  const common = der(0x30, Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from('posthorn test')));
  const name = der(0x30, der(0x31, common));
  const signed = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    algorithm,
    name,
    der(0x30, timeElement(from), timeElement(to)),
    name,
    publicDer(keys),
  );
  const signature = sign('sha256', signed, keys.privateKey);
  const whole = der(0x30, signed, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
