// Signs deliveries. The same bytes as @posthorn/webhooks, which every test of a delivery verifies them with, but with
// node:crypto: Web Crypto costs a thread hop and about ten times the time for each signature (docs/decisions/0008).
import { createHmac, createPrivateKey, createSecretKey, type KeyObject, sign } from 'node:crypto';

const privatePrefix = 'whsk_';
const hmacPrefix = 'whsec_';
const seedBytes = 32;
// RFC 8410 section 7: what stands before the seed in a PKCS #8 Ed25519 key.
const pkcs8Header = Buffer.from('302e020100300506032b657004220420', 'hex');

interface SigningKey {
  version: 'v1' | 'v1a';
  key: KeyObject;
}

/** `secret`: `whsk_…`, or `whsec_…` with or without its prefix; it was checked when it was stored. */
function signingKey(secret: string): SigningKey {
  if (secret.startsWith(privatePrefix)) {
    const seed = Buffer.from(secret.slice(privatePrefix.length), 'base64').subarray(0, seedBytes);
    const key = createPrivateKey({ key: Buffer.concat([pkcs8Header, seed]), format: 'der', type: 'pkcs8' });
    return { version: 'v1a', key };
  }
  const text = secret.startsWith(hmacPrefix) ? secret.slice(hmacPrefix.length) : secret;
  return { version: 'v1', key: createSecretKey(Buffer.from(text, 'base64')) };
}

function signatureOf({ version, key }: SigningKey, head: string, body: Uint8Array): string {
  const signature =
    version === 'v1'
      ? createHmac('sha256', key).update(head).update(body).digest('base64')
      : sign(null, Buffer.concat([Buffer.from(head), body]), key).toString('base64');
  return `${version},${signature}`;
}

/** The value of the signature header; `timestamp` in Unix seconds. */
export type RequestSigner = (messageId: string, timestamp: number, body: Uint8Array) => string;

/** One signature for each secret, in this order. */
export function createRequestSigner(secrets: readonly string[]): RequestSigner {
  if (secrets.length === 0) throw new Error('the endpoint has no signing secret');
  const keys = secrets.map(signingKey);
  return (messageId, timestamp, body) => {
    const head = `${messageId}.${timestamp}.`;
    return keys.map((key) => signatureOf(key, head, body)).join(' ');
  };
}
