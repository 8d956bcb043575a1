// The examples of RFC 9421 (sections 2 and appendix B), its keys and its signatures.
import type { webcrypto } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signatureBase } from '../../src/http-signatures/components.ts';
import type { HttpMessage } from '../../src/http-signatures/components.ts';
import { contentDigest } from '../../src/http-signatures/content-digest.ts';
import { importMessageKey } from '../../src/http-signatures/signature-keys.ts';
import type { MessageAlgorithm, MessageKey } from '../../src/http-signatures/signature-keys.ts';
import { signMessage } from '../../src/http-signatures/sign-message.ts';
import type { SignMessageOptions } from '../../src/http-signatures/sign-message.ts';
import { parseDictionary } from '../../src/http-signatures/structured-fields.ts';
import type { InnerList } from '../../src/http-signatures/structured-fields.ts';
import { verifyMessage } from '../../src/http-signatures/verify-message.ts';

// B.1: made for tests by the RFC, and of no other use.
const keyTexts: Readonly<Record<string, readonly [MessageAlgorithm, string, string?]>> = {
  'test-key-ecc-p256': [
    'ecdsa-p256-sha256',
    `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----`,
  ],
  'test-key-ed25519': [
    'ed25519',
    'MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=',
    `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----`,
  ],
  'test-shared-secret': [
    'hmac-sha256',
    'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==',
  ],
};

async function keyFor(keyid = ''): Promise<MessageKey | undefined> {
  const [algorithm, text] = keyTexts[keyid] ?? [];
  return algorithm && text ? importMessageKey(algorithm, 'verify', text) : undefined;
}

const request: HttpMessage = {
  method: 'POST',
  url: 'https://example.com/foo?param=Value&Pet=dog',
  headers: {
    Host: 'example.com',
    Date: 'Tue, 20 Apr 2021 02:07:55 GMT',
    'Content-Type': 'application/json',
    'Content-Digest':
      'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
    'Content-Length': '18',
  },
  body: '{"hello": "world"}',
};
const response: HttpMessage = {
  status: 200,
  headers: {
    Date: 'Tue, 20 Apr 2021 02:07:56 GMT',
    'Content-Type': 'application/json',
    'Content-Digest':
      'sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:',
    'Content-Length': '23',
  },
  body: '{"message": "good dog"}',
};
const proxied: HttpMessage = {
  ...request,
  url: 'https://service.internal.example/foo?param=Value&Pet=dog',
  headers: {
    ...request.headers,
    'Client-Cert':
      ':MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:',
  },
};
const transformed: HttpMessage = {
  method: 'GET',
  url: 'https://example.org/demo?name1=Value1&Name2=value2',
  headers: { Date: 'Fri, 15 Jul 2022 14:24:55 GMT', Accept: ['application/json', '*/*'] },
};

const examples: readonly (readonly [string, HttpMessage, string, string])[] = [
  [
    'B.2.4, a response with ecdsa-p256-sha256',
    response,
    'sig-b24=("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"',
    'sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:',
  ],
  [
    'B.2.5, a request with hmac-sha256',
    request,
    'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    'sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:',
  ],
  [
    'B.2.6, a request with ed25519',
    request,
    'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
    'sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:',
  ],
  [
    'B.3, a request of a proxy with ecdsa-p256-sha256',
    proxied,
    'ttrp=("@path" "@query" "@method" "@authority" "client-cert");created=1618884473;keyid="test-key-ecc-p256"',
    'ttrp=:xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==:',
  ],
  [
    'B.4, a request that is transformed',
    transformed,
    'transform=("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"',
    'transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:',
  ],
];

function withSignature(message: HttpMessage, input: string, signature: string): HttpMessage {
  return { ...message, headers: { ...message.headers, 'Signature-Input': input, Signature: signature } };
}

describe('appendix B', () => {
  it.each(examples)('%s is valid, and not after a change', async (_, message, input, signature) => {
    const options = { keyFor, required: [], toleranceSeconds: 'any-age' } as const;
    const label = input.split('=', 1)[0];
    const signed = withSignature(message, input, signature);
    expect(await verifyMessage(signed, options)).toMatchObject({ ok: true, label, created: 1_618_884_473 });
    const other = input.replace('1618884473', '1618884474');
    const changed = withSignature(message, other, signature);
    expect(await verifyMessage(changed, options)).toMatchObject({ ok: false, reason: 'mismatch' });
  });

  it('B.2.5 and B.2.6 are signed as they stand there', async () => {
    const created = 1_618_884_473;
    const [, [, , inputOfHmac, hmac] = [], [, , inputOfEd25519, ed25519] = []] = examples;
    const shared = await importMessageKey(...signingKey('test-shared-secret'));
    const ofHmac = await signMessage(request, {
      key: shared,
      components: ['date', '@authority', 'content-type'],
      created,
      keyid: 'test-shared-secret',
      label: 'sig-b25',
    });
    expect(ofHmac).toEqual({ 'signature-input': inputOfHmac, signature: hmac });
    const ofEd25519 = await signMessage(request, {
      key: await importMessageKey(...signingKey('test-key-ed25519')),
      components: ['date', '@method', '@path', '@authority', 'content-type', 'content-length'],
      created,
      keyid: 'test-key-ed25519',
      label: 'sig-b26',
    });
    expect(ofEd25519).toEqual({ 'signature-input': inputOfEd25519, signature: ed25519 });
  });

  it('the digests of the messages are those of RFC 9530', async () => {
    for (const { body = '', headers } of [request, response]) {
      expect(await contentDigest(body, 'sha-512')).toBe(
        (headers as Record<string, string>)['Content-Digest'],
      );
    }
    expect(await contentDigest('{"hello": "world"}')).toBe(
      'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:',
    );
  });

  function signingKey(keyid: string): [MessageAlgorithm, 'sign', string] {
    const known = keyTexts[keyid];
    if (known === undefined) throw new Error(`there is no ${keyid}`);
    const [algorithm, text, privateText = text] = known;
    return [algorithm, 'sign', privateText];
  }
});

/** The lines of the base, without the last. */
function linesFor(message: HttpMessage, components: string): string[] {
  const covered = parseDictionary(`a=(${components})`)?.get('a') as InnerList;
  return signatureBase(message, covered).split('\n').slice(0, -1);
}

describe('section 2', () => {
  const fields: HttpMessage = {
    method: 'POST',
    url: 'https://www.example.com/path?param=value&param=another',
    headers: {
      'X-OWS-Header': '  Leading and trailing whitespace.   ',
      'X-Obs-Fold-Header': 'Obsolete\r\n    line folding.',
      'Cache-Control': ['max-age=60', '   must-revalidate'],
      'Example-Dict': '  a=1,    b=2;x=1;y=2,   c=(a   b    c), d',
      'X-Empty-Header': '',
      'Example-Header': ['value, with, lots', 'of, commas'],
    },
  };

  it.each([
    ['"x-ows-header"', 'Leading and trailing whitespace.'],
    ['"x-obs-fold-header"', 'Obsolete line folding.'],
    ['"cache-control"', 'max-age=60, must-revalidate'],
    ['"example-dict"', 'a=1,    b=2;x=1;y=2,   c=(a   b    c), d'],
    ['"x-empty-header"', ''],
    ['"example-dict";key="a"', '1'],
    ['"example-dict";key="d"', '?1'],
    ['"example-dict";key="b"', '2;x=1;y=2'],
    ['"example-dict";key="c"', '(a b c)'],
    ['"example-header"', 'value, with, lots, of, commas'],
    ['"example-header";bs', ':dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:'],
    ['"@method"', 'POST'],
    ['"@target-uri"', 'https://www.example.com/path?param=value&param=another'],
    ['"@authority"', 'www.example.com'],
    ['"@scheme"', 'https'],
    ['"@request-target"', '/path?param=value&param=another'],
    ['"@path"', '/path'],
    ['"@query"', '?param=value&param=another'],
  ])('%s is %j', (component, value) => {
    expect(linesFor(fields, component)).toEqual([`${component}: ${value}`]);
  });

  it.each([
    ['https://Example.com:443', '"@authority"', 'example.com'],
    ['http://example.com:80/', '"@authority"', 'example.com'],
    ['http://user@example.com:443/', '"@authority"', 'example.com:443'],
    ['https://example.com', '"@path"', '/'],
    ['https://example.com/path', '"@query"', '?'],
    ['https://example.com/path?queryString', '"@query"', '?queryString'],
    ['https://example.com?a#b', '"@request-target"', '/?a'],
    ['HTTPS://example.com/a#b', '"@target-uri"', 'HTTPS://example.com/a'],
  ])('of %s, %s is %j', (url, component, value) => {
    expect(linesFor({ ...fields, url }, component)).toEqual([`${component}: ${value}`]);
  });

  it('query parameters are decoded and encoded anew', () => {
    const url =
      'https://www.example.com/parameters?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something&q=a!b~&qux=';
    const names = ['var', 'bar', 'fa%C3%A7ade%22%3A%20', 'q', 'qux'];
    const components = names.map((name) => `"@query-param";name="${name}"`);
    expect(linesFor({ ...fields, url }, components.join(' '))).toEqual([
      '"@query-param";name="var": this%20is%20a%20big%0Amultiline%20value',
      '"@query-param";name="bar": with%20plus%20whitespace',
      '"@query-param";name="fa%C3%A7ade%22%3A%20": something',
      '"@query-param";name="q": a%21b%7E',
      '"@query-param";name="qux": ',
    ]);
  });

  it('a response can cover its request', () => {
    const answer: HttpMessage = { status: 503, headers: { 'Content-Length': '62' }, request: fields };
    const components = '"@status" "content-length" "@authority";req "example-dict";req;key="a"';
    expect(linesFor(answer, components)).toEqual([
      '"@status": 503',
      '"content-length": 62',
      '"@authority";req: www.example.com',
      '"example-dict";req;key="a": 1',
    ]);
  });

  it.each([
    ['"x-missing"', 'x-missing is missing'],
    ['"@unknown"', '@unknown is not known'],
    ['"@status"', 'no status'],
    ['"@method";req', 'the request is missing'],
    ['"cache-control";sf', 'not supported'],
    ['"cache-control";tr', 'not supported'],
    ['"cache-control";bs;key="a"', 'key and bs'],
    ['"cache-control";bs=1', 'bs is no flag'],
    ['"@method";key="a"', 'not supported'],
    ['"example-dict";key="z"', 'no such member'],
    ['"example-header";key="z"', 'no such member'],
    ['"Cache-Control"', 'is no name of a field'],
    ['"@query-param"', 'has no name'],
    ['"@query-param";name="param"', 'the query has 2'],
    ['"@query-param";name="none"', 'the query has 0'],
    ['"@method" "@method"', 'covered twice'],
    ['token', 'is no string'],
  ])('%s cannot be covered', (components, problem) => {
    expect(() => linesFor(fields, components)).toThrow(problem);
  });

  it('a value with characters beyond ASCII cannot be covered', () => {
    const message = { ...fields, headers: { a: 'é', b: 'a\nb' } };
    for (const component of ['"a"', '"b"']) {
      expect(() => linesFor(message, component)).toThrow('cannot be signed');
    }
    expect(linesFor(message, '"a";bs')).toEqual(['"a";bs: :6Q==:']);
  });
});

describe('signing and verifying', () => {
  const created = 1_700_000_000;
  const options: Omit<SignMessageOptions, 'key'> = {
    components: ['@method', '@authority', '@path', 'content-type', 'content-digest', 'webhook-id'],
    created,
    keyid: 'test-shared-secret',
  };
  const message: HttpMessage = {
    method: 'POST',
    url: 'https://example.com/hook',
    headers: { 'content-type': 'application/json', 'webhook-id': 'msg_1' },
    body: '{"a":1}',
  };
  const required = ['@method', '@authority', 'content-digest'];
  const at = (seconds: number) => () => seconds * 1_000;

  async function signed(more: Partial<SignMessageOptions> = {}, from = message): Promise<HttpMessage> {
    const [algorithm, text] = keyTexts['test-shared-secret'] ?? ['hmac-sha256', ''];
    const key = await importMessageKey(algorithm, 'sign', text);
    return {
      ...from,
      headers: { ...from.headers, ...(await signMessage(from, { key, ...options, ...more })) },
    };
  }
  const verified = (from: HttpMessage, more: object = {}) =>
    verifyMessage(from, { keyFor, required, now: at(created), ...more });

  it('a message is accepted with all it says', async () => {
    const more = { nonce: 'n', tag: 'webhook', expires: created + 60, withAlgorithm: true };
    const sent = await signed(more);
    expect((sent.headers as Record<string, string>)['signature-input']).toBe(
      'sig1=("@method" "@authority" "@path" "content-type" "content-digest" "webhook-id");created=1700000000;expires=1700000060;keyid="test-shared-secret";alg="hmac-sha256";nonce="n";tag="webhook"',
    );
    expect(await verified(sent, { tag: 'webhook' })).toEqual({
      ok: true,
      label: 'sig1',
      components: options.components,
      keyid: 'test-shared-secret',
      created,
      nonce: 'n',
      tag: 'webhook',
    });
  });

  it('Fetch headers are read and covered as well', async () => {
    const headers = new Headers(message.headers as Record<string, string>);
    const [algorithm, text] = keyTexts['test-shared-secret'] ?? ['hmac-sha256', ''];
    const key = await importMessageKey(algorithm, 'sign', text);
    for (const [name, value] of Object.entries(
      await signMessage({ ...message, headers }, { key, ...options }),
    ))
      headers.set(name, value);
    expect(await verified({ ...message, headers })).toMatchObject({ ok: true });
  });

  it.each(['ed25519', 'ecdsa-p256-sha256'] as const)('with a new key of %s', async (algorithm) => {
    const how = algorithm === 'ed25519' ? { name: 'Ed25519' } : { name: 'ECDSA', namedCurve: 'P-256' };
    const pair = (await crypto.subtle.generateKey(how, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
    const exported = async (form: 'pkcs8' | 'spki', key: webcrypto.CryptoKey) =>
      Buffer.from(await crypto.subtle.exportKey(form, key)).toString('base64');
    const privateKey = await importMessageKey(algorithm, 'sign', await exported('pkcs8', pair.privateKey));
    const publicKey = await importMessageKey(algorithm, 'verify', await exported('spki', pair.publicKey));
    const sent = await signed({ key: privateKey });
    expect(await verified(sent, { keyFor: () => publicKey })).toMatchObject({ ok: true });
    expect(await verified({ ...sent, method: 'PUT' }, { keyFor: () => publicKey })).toMatchObject({
      reason: 'mismatch',
    });
  });

  const changes: readonly (readonly [string, Partial<HttpMessage>, string])[] = [
    ['another method', { method: 'PUT' }, 'mismatch'],
    ['another host', { url: 'https://example.org/hook' }, 'mismatch'],
    ['another path', { url: 'https://example.com/hook/' }, 'mismatch'],
    ['another body', { body: '{"a":2}' }, 'mismatch'],
    ['no body at hand', { body: undefined as unknown as string }, 'missing-context'],
    ['no method at hand', { method: undefined as unknown as string }, 'missing-context'],
    ['no url at hand', { url: '/hook' }, 'missing-context'],
  ];
  it.each(changes)('with %s it is refused', async (_, change, reason) => {
    expect(await verified({ ...(await signed()), ...change })).toMatchObject({ ok: false, reason });
  });

  const headerChanges: readonly (readonly [string, Record<string, string | string[]>, string])[] = [
    ['another covered header', { 'webhook-id': 'msg_2' }, 'mismatch'],
    ['a covered header twice', { 'webhook-id': ['msg_1', 'msg_1'] }, 'mismatch'],
    ['no input', { 'signature-input': [] }, 'missing-header'],
    ['no signature', { signature: '' }, 'missing-header'],
    ['an input that is no dictionary', { 'signature-input': 'sig1=(' }, 'malformed-header'],
    ['an input that is no list', { 'signature-input': 'sig1="a"' }, 'malformed-header'],
    ['a signature that is no bytes', { signature: 'sig1="a"' }, 'malformed-header'],
    ['a signature under another label', { signature: 'sig2=:AAAA:' }, 'malformed-header'],
    ['a wrong signature', { signature: 'sig1=:AAAA:' }, 'mismatch'],
    ['an empty signature', { signature: 'sig1=::' }, 'mismatch'],
    ['an id that is no string', { 'signature-input': 'sig1=("@method");keyid=1' }, 'malformed-header'],
    ['a time that is no integer', { 'signature-input': 'sig1=("@method");created="1"' }, 'malformed-header'],
    ['too many components', { 'signature-input': `sig1=(${'"a" '.repeat(33)})` }, 'malformed-header'],
    [
      'too many signatures',
      { 'signature-input': Array.from({ length: 9 }, (_, index) => `s${index}=()`).join(',') },
      'malformed-header',
    ],
    ['a header that is too long', { 'signature-input': `sig1=(${' '.repeat(9_000)})` }, 'missing-header'],
    [
      'less covered than is required',
      { 'signature-input': 'sig1=("@method" "@authority");created=1700000000' },
      'malformed-header',
    ],
    [
      'a required one covered in part',
      { 'signature-input': 'sig1=("@method" "@authority" "content-digest";key="sha-256")' },
      'malformed-header',
    ],
  ];
  it.each(headerChanges)('with %s it is refused', async (_, change, reason) => {
    const sent = await signed();
    const headers = { ...sent.headers, ...change } as Record<string, string>;
    expect(await verified({ ...sent, headers })).toMatchObject({ ok: false, reason });
  });

  it('what it says of its algorithm must be that of the key', async () => {
    const sent = await signed({ withAlgorithm: true });
    const [algorithm, text] = keyTexts['test-key-ed25519'] ?? ['ed25519', ''];
    const other = await importMessageKey(algorithm, 'verify', text);
    expect(await verified(sent, { keyFor: () => other })).toMatchObject({
      reason: 'mismatch',
      detail: expect.stringContaining('another algorithm') as string,
    });
    expect(await verified(sent, { keyFor: () => undefined })).toMatchObject({ reason: 'unknown-key' });
  });

  it('the time is judged, both ways, and the expiry', async () => {
    const sent = await signed({ expires: created + 600 });
    const reasonAt = async (seconds: number, more: object = {}) => {
      const verdict = await verified(sent, { now: at(created + seconds), ...more });
      return verdict.ok ? 'ok' : verdict.reason;
    };
    expect(await reasonAt(300)).toBe('ok');
    expect(await reasonAt(301)).toBe('stale');
    expect(await reasonAt(-300)).toBe('ok');
    expect(await reasonAt(-301)).toBe('future');
    expect(await reasonAt(601, { toleranceSeconds: 1_000 })).toBe('stale');
    expect(await reasonAt(90_000, { toleranceSeconds: 'any-age' })).toBe('ok');
  });

  it('of several signatures, one that is known is enough, and another tag is not looked at', async () => {
    const sent = await signed({ tag: 'webhook' });
    const second = await signed({ label: 'proxy', keyid: 'nobody', tag: 'proxy' });
    const both = Object.fromEntries(
      ['signature-input', 'signature'].map((name) => [
        name,
        [second, sent].map(({ headers }) => (headers as Record<string, string>)[name] ?? ''),
      ]),
    );
    const joined = { ...sent, headers: { ...sent.headers, ...both } as Record<string, string[]> };
    expect(await verified(joined)).toMatchObject({ ok: true, label: 'sig1' });
    expect(await verified(joined, { tag: 'proxy' })).toMatchObject({ reason: 'unknown-key' });
    expect(await verified(joined, { label: 'proxy' })).toMatchObject({ reason: 'unknown-key' });
    expect(await verified(joined, { tag: 'none' })).toMatchObject({ reason: 'missing-header' });
  });

  it.each([
    ['sha-256=:AAAA:', 'mismatch'],
    ['md5=:AAAA:', 'malformed-header'],
    ['sha-256="text"', 'malformed-header'],
    ['sha-256', 'malformed-header'],
    ['(', 'malformed-header'],
  ])('a digest %s is refused, also when it is signed', async (digest, reason) => {
    const from = {
      ...message,
      headers: { ...message.headers, 'content-digest': digest } as Record<string, string>,
    };
    expect(await verified(await signed({}, from))).toMatchObject({ ok: false, reason });
  });

  it('what cannot be signed is refused at once', async () => {
    await expect(signed({ components: ['x-missing'] })).rejects.toThrow('x-missing is missing');
    await expect(signed({ created: 1.5 })).rejects.toThrow(TypeError);
    await expect(signed({ label: 'Not A Key' })).rejects.toThrow(TypeError);
    await expect(signed({ keyid: 'é' })).rejects.toThrow(TypeError);
    await expect(importMessageKey('ed25519', 'verify', 'no key')).rejects.toThrow('copy it again');
  });
});
