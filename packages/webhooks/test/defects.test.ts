// The defects that published Standard Webhooks libraries have or had, each shown to be absent here.
// Requests are forged with node:crypto, because our own `sign` refuses to make most of them.
import { Webhook } from 'standardwebhooks';
import { describe, expect, it, vi } from 'vitest';
import { sign, verify } from '../src/index.ts';
import type { VerifierOptions } from '../src/index.ts';
import { ed25519Signature, hmacSignature } from './support/node-crypto-sign.ts';
import { clockAt, ed25519Vector, hmacVector } from './support/vectors.ts';

const secrets = hmacVector.verifyWith;
const key = Buffer.from(secrets.slice(6), 'base64');
const seconds = 1700000000;

type Forged = { id?: string; timestamp?: string; signature?: string; body: Uint8Array | string };

function verifyForged(request: Forged, options: VerifierOptions = {}) {
  const { id = 'msg_1', timestamp = String(seconds), body } = request;
  const signature = request.signature ?? hmacSignature(key, id, timestamp, body);
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
  return verify({ headers, body, secrets, now: clockAt(seconds), ...options });
}

describe('defect', () => {
  it('"a correct signature over bytes that are not UTF-8 is rejected" is absent', async () => {
    expect(await verifyForged({ body: Uint8Array.of(0xff) })).toMatchObject({ ok: true });
  });

  it('"a signature for the byte ff verifies the byte fe" is absent', async () => {
    const signature = hmacSignature(key, 'msg_1', String(seconds), Uint8Array.of(0xff));
    for (const body of [Uint8Array.of(0xfe), '\ufffd', Uint8Array.of(0xef, 0xbf, 0xbd)]) {
      expect(await verifyForged({ body, signature })).toMatchObject({ reason: 'mismatch' });
    }
  });

  it('"texts that UTF-8 cannot express share one signature" is absent', async () => {
    const signature = hmacSignature(key, 'msg_1', String(seconds), '\ufffd');
    expect(await verifyForged({ body: '\ufffd', signature })).toMatchObject({ ok: true });
    expect(await verifyForged({ body: '\ud800', signature })).toMatchObject({ reason: 'body-parsed' });
    await expect(sign({ id: 'msg_1', timestamp: 1, body: '\udc00', secrets })).rejects.toThrow(/well-formed/);
  });

  const looseTimestamps = [
    '123abc',
    '1700000000abc',
    '1700000000.9',
    ' 1700000000',
    '1700000000 ',
    '+1700000000',
    ' +001700000000',
    '-1700000000',
    '01700000000',
    '1.7e9',
    '0x6553f100',
    '１７００００００００',
    '1_700_000_000',
    '9007199254740993',
  ];
  it.each(looseTimestamps)('"the timestamp %j is read as a number" is absent', async (timestamp) => {
    const options = { toleranceSeconds: 'any-age' } as const;
    expect(await verifyForged({ timestamp, body: 'x' }, options)).toMatchObject({
      reason: 'malformed-header',
    });
    const signature = hmacSignature(key, 'msg_1', String(seconds), 'x');
    expect(await verifyForged({ timestamp, body: 'x', signature }, options)).toMatchObject({ ok: false });
  });

  it('"a full stop in the id moves the line between id and body" is absent', async () => {
    const signature = hmacSignature(key, 'a', String(seconds), `${seconds}.{"a":1}`);
    const shifted = { id: `a.${seconds}`, body: '{"a":1}', signature };
    expect(await verifyForged(shifted)).toMatchObject({ reason: 'malformed-header' });
    // This is what the switch gives up, and why it is off.
    expect(await verifyForged(shifted, { allowDottedId: true })).toMatchObject({ ok: true });
  });

  it('"two joined webhook-signature headers verify" is absent', async () => {
    const signature = hmacSignature(key, 'msg_1', String(seconds), 'x');
    for (const joined of [`${signature}, v1,AAAA`, `v1,AAAA, ${signature}`, `${signature},${signature}`]) {
      expect(await verifyForged({ body: 'x', signature: joined })).toMatchObject({
        reason: 'malformed-header',
      });
    }
  });

  it.each(['', 'whsec_', 'whsec_AA==', 'AA=='])(
    '"the empty or short secret %j is accepted" is absent',
    async (short) => {
      const signature = hmacSignature(
        Buffer.from(short.replace('whsec_', ''), 'base64'),
        'msg_1',
        String(seconds),
        'x',
      );
      const headers = {
        'webhook-id': 'msg_1',
        'webhook-timestamp': String(seconds),
        'webhook-signature': signature,
      };
      const verdict = await verify({ headers, body: 'x', secrets: short, now: clockAt(seconds) });
      expect(verdict).toMatchObject({ ok: false, reason: 'misconfigured' });
      await expect(sign({ id: 'msg_1', timestamp: 1, body: 'x', secrets: short })).rejects.toMatchObject({
        name: 'SecretError',
      });
    },
  );

  it('"a Uint8Array body throws" is absent', async () => {
    expect(await verifyForged({ body: new TextEncoder().encode('x') })).toMatchObject({ ok: true });
  });

  it('"the number of signatures is unbounded" is absent', async () => {
    const signature = hmacSignature(key, 'msg_1', String(seconds), 'x');
    const byNode = vi.spyOn(process.getBuiltinModule('node:crypto'), 'createHmac');
    const byWebCrypto = vi.spyOn(crypto.subtle, 'sign');
    const macs = () => byNode.mock.calls.length + byWebCrypto.mock.calls.length;
    const flood = `${'v1,AAAA '.repeat(10_000)}${signature}`;
    expect(await verifyForged({ body: 'x', signature: flood })).toMatchObject({ reason: 'malformed-header' });
    expect(macs()).toBe(0);
    expect(await verifyForged({ body: 'x', signature })).toMatchObject({ ok: true });
    expect(macs()).toBe(1);
    vi.restoreAllMocks();
  });

  it('"one malformed signature raises an error that is not a verdict" is absent', async () => {
    for (const signature of ['v1', 'garbage', ',', 'v1,a,b', 'v1,%%%', '\u0000', 'v1,=']) {
      expect(await verifyForged({ body: 'x', signature })).toMatchObject({ ok: false });
    }
  });

  it('"exactly 300 seconds fail because the clock has fractions" is absent', async () => {
    expect(await verifyForged({ body: 'x' }, { now: clockAt(seconds + 300.999) })).toMatchObject({
      ok: true,
    });
  });

  it('"a truncated signature passes as a prefix" is absent (CVE-2024-21491)', async () => {
    const whole = Buffer.from(hmacSignature(key, 'msg_1', String(seconds), 'x').slice(3), 'base64');
    for (let length = 0; length < whole.length; length += 1) {
      const signature = `v1,${whole.subarray(0, length).toString('base64')}`;
      expect(await verifyForged({ body: 'x', signature })).toMatchObject({ reason: 'mismatch' });
    }
    const longer = `v1,${Buffer.concat([whole, Buffer.alloc(1)]).toString('base64')}`;
    expect(await verifyForged({ body: 'x', signature: longer })).toMatchObject({ reason: 'mismatch' });
  });

  it('"v1a is not implemented" is absent', async () => {
    const seed = Buffer.from(ed25519Vector.signWith.slice(5), 'base64').subarray(0, 32);
    const signature = ed25519Signature(seed, 'msg_1', String(seconds), 'x');
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(seconds),
      'webhook-signature': signature,
    };
    const input = { headers, body: 'x', now: clockAt(seconds) };
    expect(await verify({ ...input, secrets: ed25519Vector.verifyWith })).toMatchObject({ ok: true });
    expect(await verify({ ...input, secrets })).toMatchObject({ reason: 'mismatch' });
  });

  it('"a misconfigured secret looks like a bad signature" is absent', async () => {
    const headers = { 'webhook-id': 'a', 'webhook-timestamp': '1', 'webhook-signature': 'v1,AAAA' };
    expect(await verify({ headers, body: 'x', secrets: 'whsec_!' })).toMatchObject({
      reason: 'misconfigured',
    });
  });
});

// So that this file shows a difference and not a habit: the library still does what we do not.
describe('the published library', () => {
  it('verifies a body that nobody signed', () => {
    const library = new Webhook(secrets);
    const nowSeconds = Math.floor(Date.now() / 1000);
    const signature = library.sign('msg_1', new Date(nowSeconds * 1000), Buffer.of(0xff));
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': `${nowSeconds}abc`,
      'webhook-signature': signature,
    };
    expect(() => library.verify(Buffer.of(0xfe), headers, { jsonParse: false })).not.toThrow();
  });
});
