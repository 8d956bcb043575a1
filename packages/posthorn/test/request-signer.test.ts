// The sender's own signatures against the library that receivers verify with, and against node:crypto for Ed25519.
import {
  createVerifier,
  generateEd25519Secret,
  generateHmacSecret,
  publicKeyOf,
  sign,
} from '@posthorn/webhooks';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRequestSigner } from '../src/delivery/request-signer.ts';

const anyBody = fc.uint8Array({ maxLength: 2_000 });
const anyId = fc.stringMatching(/^msg_[0-9A-Za-z]{22}$/);
const anyTime = fc.integer({ min: 0, max: 4_000_000_000 });

test('the vector of Standard Webhooks', () => {
  const signer = createRequestSigner(['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']);
  const body = Buffer.from('{"test": 2432232314}');
  expect(signer('msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, body)).toBe(
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  );
});

test('signs as @posthorn/webhooks does, whatever the secrets and bytes', async () => {
  const secrets = [
    generateHmacSecret(),
    await generateEd25519Secret(),
    generateHmacSecret().slice('whsec_'.length),
  ];
  const signer = createRequestSigner(secrets);
  await fc.assert(
    fc.asyncProperty(anyId, anyTime, anyBody, async (id, timestamp, body) => {
      const headers = await sign({ id, timestamp, body, secrets });
      expect(signer(id, timestamp, body)).toBe(headers['webhook-signature']);
    }),
    { numRuns: 200 },
  );
});

test('an Ed25519 secret given as its 32-byte seed signs the same', async () => {
  const secret = await generateEd25519Secret();
  const seed = `whsk_${Buffer.from(secret.slice('whsk_'.length), 'base64').subarray(0, 32).toString('base64')}`;
  const body = Buffer.from([0, 255, 1]);
  const id = 'msg_0000000000000000000001';
  const timestamp = 1_700_000_000;
  const signature = createRequestSigner([seed])(id, timestamp, body);
  expect(signature).toBe(createRequestSigner([secret])(id, timestamp, body));
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signature,
  };
  const verifier = createVerifier(await publicKeyOf(secret), { toleranceSeconds: 'any-age' });
  expect(await verifier.verify({ headers, body })).toMatchObject({ ok: true });
});

test('an endpoint without a secret is an error, never an unsigned delivery', () => {
  expect(() => createRequestSigner([])).toThrow('no signing secret');
});
