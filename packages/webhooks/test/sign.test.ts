// Signing: known answers, the shape of the headers, and which arguments are refused.
import { describe, expect, it } from 'vitest';
import { createSigner, parseSecret, sign } from '../src/index.ts';
import { ed25519Signature, hmacSignature } from './support/node-crypto-sign.ts';
import { ed25519Vector, headersOf, hmacVector, rustVector, vectors } from './support/vectors.ts';

const message = { id: 'msg_1', timestamp: 1700000000, body: 'hello' };

describe('sign', () => {
  it.each(vectors)('gives the known answer: $name', async (vector) => {
    expect(await sign({ ...vector, secrets: vector.signWith })).toEqual(headersOf(vector));
  });

  it('puts one signature per secret, in order, parted by one space', async () => {
    const secrets = [ed25519Vector.signWith, hmacVector.signWith];
    const headers = await sign({ ...hmacVector, secrets });
    expect(headers['webhook-signature']).toBe(`${ed25519Vector.signature} ${hmacVector.signature}`);
  });

  it('agrees with node:crypto over bytes that are not UTF-8', async () => {
    const body = Uint8Array.of(0xff, 0x00, 0xfe, 0x0a);
    const key = Buffer.from(hmacVector.signWith.slice(6), 'base64');
    const seed = Buffer.from(ed25519Vector.signWith.slice(5), 'base64').subarray(0, 32);
    const headers = await sign({ ...message, body, secrets: [hmacVector.signWith, ed25519Vector.signWith] });
    expect(headers['webhook-signature']).toBe(
      `${hmacSignature(key, 'msg_1', '1700000000', body)} ${ed25519Signature(seed, 'msg_1', '1700000000', body)}`,
    );
  });

  it('signs a text as its UTF-8 bytes, and an ArrayBuffer as its bytes', async () => {
    const body = '{"name":"Ærøskøbing 🦄 \u2028"}';
    const bytes = Uint8Array.from(Buffer.from(body));
    const ofText = await sign({ ...message, body, secrets: hmacVector.signWith });
    expect(await sign({ ...message, body: bytes, secrets: hmacVector.signWith })).toEqual(ofText);
    expect(await sign({ ...message, body: bytes.buffer, secrets: hmacVector.signWith })).toEqual(ofText);
  });

  it('signs an empty body', async () => {
    const key = Buffer.from(hmacVector.signWith.slice(6), 'base64');
    const headers = await sign({ ...message, body: '', secrets: hmacVector.signWith });
    expect(headers['webhook-signature']).toBe(hmacSignature(key, 'msg_1', '1700000000', ''));
  });

  it('names the headers svix- on request', async () => {
    const headers = await sign({ ...hmacVector, secrets: hmacVector.signWith, headerPrefix: 'svix-' });
    expect(headers).toEqual({
      'svix-id': hmacVector.id,
      'svix-timestamp': '1614265330',
      'svix-signature': hmacVector.signature,
    });
  });

  it.each(['', 'a.b', '.', 'a b', 'a,b', 'ä', 'a\n', 'x'.repeat(65)])('refuses the id %j', async (id) => {
    await expect(sign({ ...message, id, secrets: hmacVector.signWith })).rejects.toThrow(
      /^id must be 1 to 64/,
    );
  });

  it('takes an id of 64 characters', async () => {
    const id = 'Az09_-'.padEnd(64, 'x');
    expect(await sign({ ...message, id, secrets: hmacVector.signWith })).toMatchObject({ 'webhook-id': id });
  });

  it.each([
    1.5,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1_700_000_000_000,
    '1700000000' as unknown as number,
  ])('refuses the timestamp %s', async (timestamp) => {
    await expect(sign({ ...message, timestamp, secrets: hmacVector.signWith })).rejects.toThrow(
      /whole seconds/,
    );
  });

  it.each([{ test: 1 }, undefined, null, 5, '\ud800', new DataView(new ArrayBuffer(2))])(
    'refuses the body %j',
    async (body) => {
      const secrets = hmacVector.signWith;
      await expect(sign({ ...message, body: body as string, secrets })).rejects.toThrow(/^body must be/);
    },
  );

  it('refuses another header prefix', async () => {
    const headerPrefix = 'x-' as 'svix-';
    await expect(sign({ ...message, secrets: hmacVector.signWith, headerPrefix })).rejects.toThrow(
      /headerPrefix/,
    );
  });

  it('refuses no secret, nine secrets, and a public key', async () => {
    await expect(sign({ ...message, secrets: [] })).rejects.toMatchObject({ code: 'missing' });
    const nine = Array.from({ length: 9 }, () => hmacVector.signWith);
    await expect(sign({ ...message, secrets: nine })).rejects.toMatchObject({ code: 'too-many' });
    const secrets = ed25519Vector.verifyWith;
    await expect(sign({ ...message, secrets })).rejects.toMatchObject({ code: 'wrong-kind' });
  });
});

describe('createSigner', () => {
  it('signs many messages with keys that were imported once', async () => {
    const signer = await createSigner(await parseSecret(hmacVector.signWith));
    const { id, timestamp, body } = hmacVector;
    expect(await signer.sign(id, timestamp, body)).toEqual(headersOf(hmacVector));
    expect((await signer.sign(id, timestamp + 1, body))['webhook-signature']).not.toBe(hmacVector.signature);
  });

  it('mixes texts and parsed secrets', async () => {
    const signer = await createSigner([await parseSecret(rustVector.signWith), hmacVector.signWith]);
    const headers = await signer.sign(rustVector.id, rustVector.timestamp, rustVector.body);
    expect(headers['webhook-signature'].split(' ')[0]).toBe(rustVector.signature);
  });

  it('lets the caller reuse its buffer at once', async () => {
    const signer = await createSigner(hmacVector.signWith);
    const buffer = Buffer.from(hmacVector.body);
    const signing = signer.sign(hmacVector.id, hmacVector.timestamp, buffer);
    buffer.fill(0);
    expect(await signing).toEqual(headersOf(hmacVector));
  });
});
