// A second, independent signer on node:crypto. It signs whatever it is given, so that tests can make bad requests.
import { createHmac, createPrivateKey, sign as nodeSign } from 'node:crypto';

function contentOf(id: string, timestamp: string, body: Uint8Array | string): Buffer {
  return Buffer.concat([Buffer.from(`${id}.${timestamp}.`), Buffer.from(body)]);
}

export function hmacSignature(
  key: Uint8Array,
  id: string,
  timestamp: string,
  body: Uint8Array | string,
): string {
  return `v1,${createHmac('sha256', key)
    .update(contentOf(id, timestamp, body))
    .digest('base64')}`;
}

export function ed25519Signature(
  seed: Uint8Array,
  id: string,
  timestamp: string,
  body: Uint8Array | string,
): string {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return `v1a,${nodeSign(null, contentOf(id, timestamp, body), key).toString('base64')}`;
}
