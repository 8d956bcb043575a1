// Verifying: every verdict, every kind of header and body, and the limits that come before any cryptography.
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  createVerifier,
  generateHmacSecret,
  parseSecret,
  sign,
  verify,
  verifyOrThrow,
  WebhookVerificationError,
} from '../src/index.ts';
import type { RequestHeaders, VerifyInput } from '../src/index.ts';
import { clockAt, ed25519Vector, headersOf, hmacVector, vectors } from './support/vectors.ts';

const good: VerifyInput = {
  headers: headersOf(hmacVector),
  body: hmacVector.body,
  secrets: hmacVector.verifyWith,
  now: clockAt(hmacVector.timestamp),
};
const passed = { ok: true, id: hmacVector.id, timestamp: hmacVector.timestamp, secretIndex: 0 };
const withHeader = (name: string, value: unknown): VerifyInput => ({
  ...good,
  headers: { ...headersOf(hmacVector), [name]: value } as RequestHeaders,
});
const reasonOf = async (input: VerifyInput) => {
  const verdict = await verify(input);
  return verdict.ok ? 'passed' : verdict.reason;
};

afterEach(() => vi.restoreAllMocks());

/** What makes MACs where Node's own module is not asked: Web Crypto, which can be watched. */
function spyOnMacs() {
  vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined);
  return vi.spyOn(crypto.subtle, 'sign');
}

describe('a signature', () => {
  it.each(vectors)('verifies: $name', async (vector) => {
    const verdict = await verify({
      headers: headersOf(vector),
      body: vector.body,
      secrets: vector.verifyWith,
      now: clockAt(vector.timestamp),
    });
    expect(verdict).toEqual({ ok: true, id: vector.id, timestamp: vector.timestamp, secretIndex: 0 });
  });

  it('is found among a bad v1, another version and a bad v1', async () => {
    const wrong = `v1,${Buffer.alloc(32).toString('base64')}`;
    const list = `${wrong} v2,Zm9v ${hmacVector.signature} v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAQ/9tdO6mc=`;
    expect(await verify(withHeader('webhook-signature', list))).toEqual(passed);
    expect(await reasonOf(withHeader('webhook-signature', `${wrong} ${wrong} v2,Zm9v`))).toBe('mismatch');
  });

  it.each([
    ['of another version', hmacVector.signature.replace('v1,', 'v2,')],
    ['labelled v1a', hmacVector.signature.replace('v1,', 'v1a,')],
    ['in capitals', hmacVector.signature.replace('v1,', 'V1,')],
    ['that is empty', 'v1,'],
    ['cut to 8 characters', hmacVector.signature.slice(0, 11)],
    [
      'cut by one byte',
      `v1,${Buffer.from(hmacVector.signature.slice(3), 'base64').subarray(0, 31).toString('base64')}`,
    ],
    ['without padding', hmacVector.signature.replace('=', '')],
    ['with stray bits', hmacVector.signature.replace('E=', 'F=')],
    ['of zeros', `v1,${Buffer.alloc(32).toString('base64')}`],
  ])('%s is a mismatch', async (_name, value) => {
    expect(await reasonOf(withHeader('webhook-signature', value))).toBe('mismatch');
  });

  it.each([
    ['one byte short', hmacVector.signature.replace(/,.*/, `,${Buffer.alloc(31).toString('base64')}`)],
    ['one byte long', hmacVector.signature.replace(/,.*/, `,${Buffer.alloc(33).toString('base64')}`)],
    ['of the other scheme', ed25519Vector.signature],
  ])('%s is never compared with a MAC', async (_name, value) => {
    const macs = spyOnMacs();
    expect(await reasonOf(withHeader('webhook-signature', value))).toBe('mismatch');
    expect(macs).not.toHaveBeenCalled();
    expect(await verify(good)).toEqual(passed);
    expect(macs).toHaveBeenCalledTimes(1);
  });

  it('says which secret of a list it matched', async () => {
    const secrets = [generateHmacSecret(), ed25519Vector.verifyWith, hmacVector.verifyWith];
    expect(await verify({ ...good, secrets })).toEqual({ ...passed, secretIndex: 2 });
    const headers = { ...headersOf(hmacVector), 'webhook-signature': ed25519Vector.signature };
    expect(await verify({ ...good, headers, secrets })).toEqual({ ...passed, secretIndex: 1 });
  });

  it('made with another secret is a mismatch', async () => {
    expect(await reasonOf({ ...good, secrets: generateHmacSecret() })).toBe('mismatch');
  });
});

describe('headers', () => {
  it.each([
    ['Headers', new Headers(headersOf(hmacVector))],
    [
      'capitals',
      {
        'Webhook-Id': hmacVector.id,
        'WEBHOOK-TIMESTAMP': '1614265330',
        'webhook-Signature': hmacVector.signature,
      },
    ],
    [
      'arrays of one',
      Object.fromEntries(Object.entries(headersOf(hmacVector)).map(([name, value]) => [name, [value]])),
    ],
    [
      'svix- names',
      { 'svix-id': hmacVector.id, 'svix-timestamp': '1614265330', 'svix-signature': hmacVector.signature },
    ],
    [
      'a record without prototype',
      Object.assign(Object.create(null), headersOf(hmacVector)) as Record<string, string>,
    ],
  ])('are read from %s', async (_name, headers) => {
    expect(await verify({ ...good, headers })).toEqual(passed);
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('need %s', async (name) => {
    expect(await reasonOf(withHeader(name, undefined))).toBe('missing-header');
    expect(await reasonOf(withHeader(name, ''))).toBe('missing-header');
    expect(await reasonOf(withHeader(name, []))).toBe('missing-header');
    const headers = new Headers(headersOf(hmacVector));
    headers.delete(name);
    expect(await verify({ ...good, headers })).toMatchObject({
      reason: 'missing-header',
      detail: `${name} is missing`,
    });
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])(
    'may not carry %s twice',
    async (name) => {
      const value = headersOf(hmacVector)[name] ?? '';
      expect(await reasonOf(withHeader(name, [value, value]))).toBe('malformed-header');
      expect(await reasonOf(withHeader(name, `${value}, ${value}`))).toBe('malformed-header');
      expect(await reasonOf(withHeader(name.toUpperCase(), value))).toBe('malformed-header');
      const headers = new Headers(headersOf(hmacVector));
      headers.append(name, value);
      expect(await reasonOf({ ...good, headers })).toBe('malformed-header');
    },
  );

  it('of two families are never mixed, and webhook- wins', async () => {
    const svix = { 'svix-id': 'other', 'svix-timestamp': '1', 'svix-signature': 'v1,AAAA' };
    expect(await verify({ ...good, headers: { ...svix, ...headersOf(hmacVector) } })).toEqual(passed);
    const headers = {
      'webhook-id': hmacVector.id,
      'svix-id': hmacVector.id,
      'svix-timestamp': '1614265330',
      'svix-signature': hmacVector.signature,
    };
    expect(await verify({ ...good, headers })).toMatchObject({
      reason: 'missing-header',
      detail: 'webhook-timestamp is missing',
    });
  });

  it.each(['a.b', 'a b', 'a,b', 'ä', 'a\u0000', 'x'.repeat(257)])(
    'with the id %j are malformed',
    async (id) => {
      expect(await reasonOf(withHeader('webhook-id', id))).toBe('malformed-header');
    },
  );

  it.each([
    'v1',
    ',',
    ',AAAA',
    'v1,A,B',
    ' ',
    'v1,AAAA  v1,AAAA',
    `${hmacVector.signature} `,
    `${hmacVector.signature}\t`,
  ])('with the signature list %j never pass', async (value) => {
    expect(['malformed-header', 'mismatch']).toContain(
      await reasonOf(withHeader('webhook-signature', value)),
    );
  });

  it('with a value that is no text are malformed', async () => {
    expect(await reasonOf(withHeader('webhook-timestamp', 1614265330))).toBe('malformed-header');
  });
});

describe('limits', () => {
  it.each([
    ['nine signatures', 'webhook-signature', Array.from({ length: 9 }, () => hmacVector.signature).join(' ')],
    ['a signature header over 4 KiB', 'webhook-signature', `${hmacVector.signature} v2,${'A'.repeat(4096)}`],
    ['an id over 256 characters', 'webhook-id', 'x'.repeat(257)],
  ])('refuse %s without computing a MAC', async (_name, header, value) => {
    const macs = spyOnMacs();
    expect(await verify(good)).toEqual(passed);
    expect(macs).toHaveBeenCalledTimes(1);
    expect(await reasonOf(withHeader(header, value))).toBe('malformed-header');
    expect(macs).toHaveBeenCalledTimes(1);
  });

  it('take eight signatures and an id of 256 characters', async () => {
    const seven = Array.from({ length: 7 }, () => 'v2,AAAA').join(' ');
    expect(await verify(withHeader('webhook-signature', `${seven} ${hmacVector.signature}`))).toEqual(passed);
    expect(await reasonOf(withHeader('webhook-id', 'x'.repeat(256)))).toBe('mismatch');
  });

  it('refuse a body over bodyMaxBytes, counted in bytes', async () => {
    const lengthBytes = Buffer.byteLength(hmacVector.body);
    expect(await verify({ ...good, bodyMaxBytes: lengthBytes })).toEqual(passed);
    expect(await reasonOf({ ...good, bodyMaxBytes: lengthBytes - 1 })).toBe('too-large');
    expect(await reasonOf({ ...good, body: 'ää', bodyMaxBytes: 3 })).toBe('too-large');
    expect(await reasonOf({ ...good, body: new Uint8Array(25 * 1024 * 1024 + 1) })).toBe('too-large');
  });
});

describe('the body', () => {
  it.each([
    ['Uint8Array', Uint8Array.from(Buffer.from(hmacVector.body))],
    ['Buffer', Buffer.from(hmacVector.body)],
    ['part of a larger buffer', Buffer.from(`__${hmacVector.body}__`).subarray(2, -2)],
    ['ArrayBuffer', Uint8Array.from(Buffer.from(hmacVector.body)).buffer],
    ['string', hmacVector.body],
    [
      'bytes of another realm',
      runInNewContext('Uint8Array.from(bytes)', { bytes: Buffer.from(hmacVector.body) }) as Uint8Array,
    ],
  ])('may be a %s', async (_name, body) => {
    expect(await verify({ ...good, body })).toEqual(passed);
  });

  it.each([{ test: 2432232314 }, [1], undefined, null, 5, true])('may not be %j', async (body) => {
    expect(await reasonOf({ ...good, body: body as unknown as string })).toBe('body-parsed');
  });

  it('that was parsed and written again is a mismatch', async () => {
    expect(await reasonOf({ ...good, body: JSON.stringify(JSON.parse(hmacVector.body)) })).toBe('mismatch');
  });

  it('may be empty, or anything but JSON', async () => {
    for (const body of ['', 'a=1&b=2', Uint8Array.of(0x1f, 0x8b, 0xff)]) {
      const headers = await sign({ id: 'msg_1', timestamp: 100, body, secrets: hmacVector.signWith });
      expect(await verify({ ...good, headers, body, now: clockAt(100) })).toMatchObject({ ok: true });
    }
  });
});

describe('the timestamp', () => {
  it.each([
    [300, 'passed'],
    [301, 'stale'],
    [-300, 'passed'],
    [-301, 'future'],
  ])('%i seconds old: %s', async (age, expected) => {
    expect(await reasonOf({ ...good, now: clockAt(hmacVector.timestamp + age) })).toBe(expected);
  });

  it('is judged with the given tolerance, and 0 means this very second', async () => {
    const { timestamp } = hmacVector;
    expect(await reasonOf({ ...good, now: clockAt(timestamp + 11), toleranceSeconds: 10 })).toBe('stale');
    expect(await reasonOf({ ...good, now: clockAt(timestamp + 0), toleranceSeconds: 0 })).toBe('passed');
    expect(await reasonOf({ ...good, now: clockAt(timestamp + 1), toleranceSeconds: 0 })).toBe('stale');
  });

  it("may be any with 'any-age', while the signature still counts", async () => {
    const now = clockAt(hmacVector.timestamp + 10 ** 9);
    expect(await verify({ ...good, now, toleranceSeconds: 'any-age' })).toEqual(passed);
    expect(await reasonOf({ ...good, now, toleranceSeconds: 'any-age', body: 'x' })).toBe('mismatch');
  });

  it('is only called stale when the request is authentic', async () => {
    expect(await reasonOf({ ...good, body: 'x', now: clockAt(hmacVector.timestamp + 301) })).toBe('mismatch');
  });

  it('is compared with the system clock by default', async () => {
    const body = 'x';
    const secrets = hmacVector.signWith;
    const nowSeconds = Math.floor(Date.now() / 1000);
    const fresh = await sign({ id: 'msg_1', timestamp: nowSeconds, body, secrets });
    const old = await sign({ id: 'msg_1', timestamp: nowSeconds - 400, body, secrets });
    expect(await verify({ headers: fresh, body, secrets })).toMatchObject({ ok: true });
    expect(await verify({ headers: old, body, secrets })).toMatchObject({ reason: 'stale' });
  });
});

describe('a misconfigured verifier passes nothing', () => {
  it.each([
    ['no secret', []],
    ['an unset variable', undefined],
    ['an empty secret', ''],
    ['only a prefix', 'whsec_'],
    ['a short secret', 'whsec_AA=='],
    ['a private key', ed25519Vector.signWith],
    ['a broken secret beside a good one', [hmacVector.verifyWith, 'whsec_!']],
    ['nine secrets', Array.from({ length: 9 }, () => hmacVector.verifyWith)],
  ])('with %s', async (_name, secrets) => {
    expect(await verify({ ...good, secrets: secrets as string })).toMatchObject({
      ok: false,
      reason: 'misconfigured',
    });
  });

  it('and says why, without the secret', async () => {
    const verdict = await verify({ ...good, secrets: ed25519Vector.signWith });
    expect(verdict).toEqual({
      ok: false,
      reason: 'misconfigured',
      detail: 'a private key (whsk_) stays with the sender: verify with its public key (whpk_)',
    });
  });

  it.each([
    { toleranceSeconds: -1 },
    { toleranceSeconds: Number.NaN },
    { toleranceSeconds: Number.POSITIVE_INFINITY },
    { toleranceSeconds: '300' as unknown as number },
    { bodyMaxBytes: -1 },
    { bodyMaxBytes: Number.POSITIVE_INFINITY },
    { now: () => Number.NaN },
  ])('with the option %o', async (option) => {
    const verdict = await verify({ ...good, ...option });
    expect(verdict).toMatchObject({ ok: false, reason: 'misconfigured' });
  });
});

describe('createVerifier and verifyOrThrow', () => {
  it('verifies many requests with keys that were imported once', async () => {
    const imports = vi.spyOn(crypto.subtle, 'importKey');
    const verifier = createVerifier(hmacVector.verifyWith, { now: clockAt(hmacVector.timestamp) });
    const verdicts = await Promise.all([verifier.verify(good), verifier.verify(good), verifier.verify(good)]);
    expect(verdicts).toEqual([passed, passed, passed]);
    expect(imports).toHaveBeenCalledTimes(1);
  });

  it('takes parsed secrets', async () => {
    expect(await verify({ ...good, secrets: [await parseSecret(hmacVector.verifyWith)] })).toEqual(passed);
  });

  it('returns the verified request, or throws the reason', async () => {
    const { id, timestamp } = hmacVector;
    expect(await verifyOrThrow(good)).toEqual({ id, timestamp, secretIndex: 0 });
    const error: unknown = await verifyOrThrow({ ...good, body: 'x' }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WebhookVerificationError);
    expect(error).toMatchObject({ reason: 'mismatch', name: 'WebhookVerificationError' });
    expect(String(error)).not.toContain(hmacVector.signature.slice(3));
  });
});

async function received(headers: string[]): Promise<IncomingMessage> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sent = httpRequest({
    port,
    host: '127.0.0.1',
    method: 'POST',
    headers: ['host', 'localhost', ...headers],
  });
  const response = once(sent.end(), 'response');
  const [req, res] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
  res.end();
  const [answer] = (await response) as [IncomingMessage];
  answer.resume();
  server.close();
  return req;
}

describe('a request through node:http', () => {
  it('verifies with req.headers and with req.headersDistinct', async () => {
    const req = await received(Object.entries(headersOf(hmacVector)).flat());
    expect(await verify({ ...good, headers: req.headers })).toEqual(passed);
    expect(await verify({ ...good, headers: req.headersDistinct })).toEqual(passed);
  });

  it('with two webhook-signature headers is malformed in both', async () => {
    const wrong = `v1,${Buffer.alloc(32).toString('base64')}`;
    for (const extra of [wrong, hmacVector.signature]) {
      const req = await received([
        ...Object.entries(headersOf(hmacVector)).flat(),
        'Webhook-Signature',
        extra,
      ]);
      expect(await reasonOf({ ...good, headers: req.headers })).toBe('malformed-header');
      expect(await reasonOf({ ...good, headers: req.headersDistinct })).toBe('malformed-header');
    }
  });
});
