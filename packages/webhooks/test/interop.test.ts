// The packages that receivers and senders already use agree with ours, both ways; Ed25519 is checked with node:crypto.
import { createPublicKey, verify as nodeVerify } from 'node:crypto';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, it } from 'vitest';
import { generateEd25519Secret, generateHmacSecret, publicKeyOf, sign, verify } from '../src/index.ts';
import { ed25519Signature } from './support/node-crypto-sign.ts';

const bodies = [
  '{"type":"user.created","data":{"name":"Ærøskøbing 🦄"}}',
  '{"path":"a\\/b","n":1e400,"n":2,"s":"\u2028"}',
  '"x"',
  JSON.stringify({ large: 'x'.repeat(20_000) }),
];
const nowSeconds = () => Math.floor(Date.now() / 1000);
const peers = [
  { name: 'standardwebhooks', Peer: StandardWebhook },
  { name: 'svix', Peer: SvixWebhook },
];

describe.each(peers)('$name', ({ Peer }) => {
  it.each(bodies)('verifies what we signed: %.40s', async (body) => {
    const secret = generateHmacSecret();
    const headers = await sign({
      id: 'msg_1',
      timestamp: nowSeconds(),
      body,
      secrets: [generateHmacSecret(), secret],
    });
    expect(() => new Peer(secret).verify(body, headers)).not.toThrow();
    expect(() => new Peer(generateHmacSecret()).verify(body, headers)).toThrow(/No matching signature/);
  });

  it.each(bodies)('signs what we verify: %.40s', async (body) => {
    const secrets = generateHmacSecret();
    const timestamp = nowSeconds();
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(timestamp),
      'webhook-signature': new Peer(secrets).sign('msg_1', new Date(timestamp * 1000), body),
    };
    expect(await verify({ headers, body, secrets })).toMatchObject({ ok: true, id: 'msg_1', timestamp });
  });
});

it('svix verifies svix- headers and a mixed list of v1a and v1', async () => {
  const secret = generateHmacSecret();
  const secrets = [await generateEd25519Secret(), secret];
  const body = '{"a":1}';
  const headers = await sign({ id: 'msg_1', timestamp: nowSeconds(), body, secrets, headerPrefix: 'svix-' });
  expect(() => new SvixWebhook(secret).verify(body, headers)).not.toThrow();
  expect(() => new SvixWebhook(secret).verify('{"a":2}', headers)).toThrow(/No matching signature/);
});

describe('node:crypto', () => {
  it('verifies our Ed25519 signatures with the public key we name', async () => {
    const privateKey = await generateEd25519Secret();
    const body = Uint8Array.of(0xff, 0x00, 0x80);
    const headers = await sign({ id: 'msg_1', timestamp: 1700000000, body, secrets: privateKey });
    const x = Buffer.from((await publicKeyOf(privateKey)).slice(5), 'base64').toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const signature = Buffer.from(headers['webhook-signature'].slice(4), 'base64');
    const content = Buffer.concat([Buffer.from('msg_1.1700000000.'), body]);
    expect(nodeVerify(null, content, key, signature)).toBe(true);
    expect(nodeVerify(null, Buffer.concat([content, body]), key, signature)).toBe(false);
  });

  it('makes Ed25519 signatures that we verify', async () => {
    const privateKey = await generateEd25519Secret();
    const seed = Buffer.from(privateKey.slice(5), 'base64').subarray(0, 32);
    const timestamp = String(nowSeconds());
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': timestamp,
      'webhook-signature': ed25519Signature(seed, 'msg_1', timestamp, 'body'),
    };
    const secrets = await publicKeyOf(privateKey);
    expect(await verify({ headers, body: 'body', secrets })).toMatchObject({ ok: true });
    expect(await verify({ headers, body: 'Body', secrets })).toMatchObject({ reason: 'mismatch' });
  });
});
