// Why a request was refused: each cause made to happen, and told with its fix, without a secret.
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { diagnoseRefusal } from '../../src/provider/diagnose.ts';
import type { DiagnoseOptions, Diagnosis } from '../../src/provider/diagnose.ts';
import { adviceOn } from '../../src/provider/diagnosis/causes.ts';
import type { Provider, RequestDraft } from '../../src/provider/provider.ts';
import type { ReceivedRequest } from '../../src/provider/request.ts';
import { signRequest } from '../../src/provider/sign-request.ts';
import type { SignRequestInput } from '../../src/provider/sign-request.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { github } from '../../src/providers/github.ts';
import { slack } from '../../src/providers/slack.ts';
import { standardWebhooks } from '../../src/providers/standard-webhooks.ts';
import { stripe } from '../../src/providers/stripe.ts';

const nowMs = 1_700_000_000_000;
const secret = 'It is a Secret to Everybody';
const keyBytes = Buffer.from('0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1ff0', 'hex');
const standardSecret = `whsec_${keyBytes.toString('base64')}`;
const body = '{"id":7,"price":1.0,"name":"Zoë","url":"https://example.com/a"}';
const others = [github, slack, standardWebhooks, stripe];

/** The row of nobody: like Square, it signs the URL before the body. */
const urlSigner: Provider = {
  ...github,
  name: 'url-signer',
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-signature', encoding: 'base64' },
      content: '{url}{body}',
    },
  ],
};

function signed(provider: Provider, input: Partial<SignRequestInput> = {}): Promise<RequestDraft> {
  return signRequest(provider, { body, secret, nowMs, ...input });
}

/** Refused first, as it must be, then explained. */
async function diagnosed(
  provider: Provider,
  request: ReceivedRequest,
  options: Partial<DiagnoseOptions> = {},
): Promise<Diagnosis> {
  const given: DiagnoseOptions = { secrets: secret, now: () => nowMs, others, ...options };
  const verdict = await verifyRequest(provider, request, given);
  if (verdict.ok) throw new Error('this request is valid');
  return diagnoseRefusal(provider, request, given, verdict);
}

describe('a body that was changed', () => {
  const written = JSON.stringify(JSON.parse(body));
  const python = '{"id": 7, "name": "Zo\\u00eb", "url": "https://example.com/a"}';
  const reparsed = (text: string) => JSON.stringify(JSON.parse(text));
  const cases: readonly (readonly [string, string, string, string])[] = [
    ['printed over lines', written, JSON.stringify(JSON.parse(body), undefined, 2), 'body-reserialised'],
    ['printed on one line', JSON.stringify(JSON.parse(body), undefined, 2), written, 'body-reserialised'],
    ['printed with tabs', written, JSON.stringify(JSON.parse(body), undefined, '\t'), 'body-reserialised'],
    [
      'compact where four blanks were',
      JSON.stringify(JSON.parse(body), undefined, 4),
      written,
      'body-reserialised',
    ],
    [
      'compact where a line end came after',
      `${JSON.stringify(JSON.parse(body), undefined, 2)}\n`,
      written,
      'body-reserialised',
    ],
    ['sent by Python', python, reparsed(python), 'body-reserialised'],
    [
      'sent by PHP',
      '{"u":"https:\\/\\/e.com\\/","n":"Zo\\u00eb"}',
      '{"u":"https://e.com/","n":"Zoë"}',
      'body-reencoded',
    ],
    ['sent by Go', '{"a":"\\u003cb\\u003e"}', '{"a":"<b>"}', 'body-reencoded'],
    ['sent by .NET', '{"a":"\\u00EB"}', '{"a":"ë"}', 'body-reencoded'],
    ['with escapes for characters', '{"a":"ë"}', '{"a":"\\u00eb"}', 'body-reencoded'],
    [
      'with its keys in another order',
      '{"a":1,"b":{"c":2,"d":[{"e":1,"f":2}]}}',
      '{"b":{"d":[{"f":2,"e":1}],"c":2},"a":1}',
      'body-reserialised',
    ],
    [
      'a form, its field taken out',
      'payload=%7B%22a%22%3A%22b%20c%22%7D',
      '{"a":"b c"}',
      'body-reserialised',
    ],
    ['a form, encoded in another way', 'text=a+b%21&user=%7E', 'text=a%20b!&user=~', 'body-reserialised'],
    ['a form with its blanks encoded', 'text=a%20b', 'text=a+b', 'body-reserialised'],
    ['with a byte order mark', body, `\uFEFF${body}`, 'body-reencoded'],
    ['without its byte order mark', `\uFEFF${body}`, body, 'body-reencoded'],
    ['with other line ends', '{\r\n"a": 1}', '{\n"a": 1}', 'body-reencoded'],
    ['with the line ends of Unix', '{\n"a": 1}', '{\r\n"a": 1}', 'body-reencoded'],
    ['with a line end', body, `${body}\n`, 'newline-added'],
    ['with a line end of Windows', body, `${body}\r\n`, 'newline-added'],
    ['with half a line end', `${body}\r`, `${body}\r\n`, 'newline-added'],
    ['without its line end', `${body}\n`, body, 'newline-lost'],
    ['without its line end of Windows', `${body}\r\n`, body, 'newline-lost'],
  ];

  it.each(cases)('%s', async (_, sent, received, cause) => {
    const draft = await signed(github, { body: sent });
    const diagnosis = await diagnosed(github, { ...draft, body: received });
    expect(diagnosis).toEqual({
      cause,
      advice: adviceOn[cause as keyof typeof adviceOn],
      tries: expect.any(Number) as number,
    });
  });

  it('decoded as Latin-1 and encoded as UTF-8', async () => {
    const draft = await signed(github);
    const garbled = Buffer.from(Buffer.from(body).toString('latin1'), 'utf8');
    expect(await diagnosed(github, { ...draft, body: garbled })).toMatchObject({ cause: 'body-reencoded' });
    const shortened = Buffer.from(body, 'latin1');
    expect(await diagnosed(github, { ...draft, body: shortened })).toMatchObject({ cause: 'body-reencoded' });
  });

  it('in schemes that sign more than the body', async () => {
    const changed = `${body}\n`;
    for (const provider of [stripe, slack, urlSigner]) {
      const draft = await signed(provider);
      expect(await diagnosed(provider, { ...draft, body: changed })).toMatchObject({
        cause: 'newline-added',
      });
    }
    const draft = await signed(standardWebhooks, { secret: standardSecret });
    const options = { secrets: standardSecret };
    const diagnosis = await diagnosed(standardWebhooks, { ...draft, body: changed }, options);
    expect(diagnosis).toMatchObject({ cause: 'newline-added' });
  });

  it('cut short, or read by somebody else before', async () => {
    const draft = await signed(github);
    const headers = { ...draft.headers, 'content-length': String(draft.body.length) };
    expect(await diagnosed(github, { headers, body: body.slice(0, 20) })).toMatchObject({
      cause: 'body-length',
      advice: expect.stringContaining(`has 20 bytes and content-length says ${draft.body.length}`) as string,
    });
    expect(await diagnosed(github, { headers, body: '' })).toMatchObject({ cause: 'body-length' });
  });

  it('a parsed one, and one that is too large', async () => {
    const parsed = { headers: {}, body: { a: 1 } as unknown as string };
    expect(await diagnosed(github, parsed)).toMatchObject({ cause: 'body-parsed', tries: 0 });
    const draft = await signed(github);
    expect(await diagnosed(github, draft, { bodyMaxBytes: 4 })).toMatchObject({ cause: 'body-too-large' });
  });
});

describe('a secret that was stored in the wrong way', () => {
  const hexSecret = keyBytes.toString('hex');
  const textInBase64 = Buffer.from(secret).toString('base64');
  const textInHex = Buffer.from(secret).toString('hex');
  const cases: readonly (readonly [string, Provider, string, string, string])[] = [
    ['with blanks', github, secret, ` ${secret}\n`, 'secret-surrounded'],
    ['in quotes', github, secret, `"${secret}"`, 'secret-surrounded'],
    [
      'with the name of its variable',
      github,
      secret,
      `export GITHUB_SECRET='${secret}'`,
      'secret-surrounded',
    ],
    ['at the provider with a line end', github, `${secret}\n`, secret, 'secret-surrounded'],
    [
      'with blanks, where it is base64',
      standardWebhooks,
      standardSecret,
      `${standardSecret} `,
      'secret-surrounded',
    ],
    ['with a prefix', github, 'abc123', 'whsec_abc123', 'secret-prefix'],
    ['without its prefix', stripe, 'whsec_abc123', 'abc123', 'secret-prefix'],
    ['as base64 of the text', github, secret, textInBase64, 'secret-encoding'],
    ['as hexadecimal of the text', github, secret, textInHex, 'secret-encoding'],
    ['decoded from base64', github, textInBase64, secret, 'secret-encoding'],
    ['decoded from hexadecimal', github, textInHex, secret, 'secret-encoding'],
    ['in hexadecimal instead of base64', standardWebhooks, standardSecret, hexSecret, 'secret-encoding'],
    [
      'in the other alphabet of base64',
      standardWebhooks,
      standardSecret,
      keyBytes.toString('base64url'),
      'secret-encoding',
    ],
    ['as text instead of base64', standardWebhooks, `whsec_${textInBase64}`, secret, 'secret-encoding'],
  ];

  it.each(cases)('%s', async (...[, provider, signedWith, stored, cause]) => {
    const draft = await signed(provider, { secret: signedWith });
    const diagnosis = await diagnosed(provider, draft, { secrets: ['another', stored] });
    expect(diagnosis).toMatchObject({ cause });
    for (const text of [signedWith.trim(), stored.trim()]) expect(diagnosis.advice).not.toContain(text);
  });

  it('an old one', async () => {
    const draft = await signed(github, { secret: 'before the rotation' });
    const options = { oldSecrets: ['long ago', 'before the rotation'] };
    expect(await diagnosed(github, draft, options)).toMatchObject({ cause: 'secret-old' });
  });

  it('a token', async () => {
    const token: Provider = { ...github, schemes: [{ kind: 'token', at: 'header:x-token' }] };
    const draft = await signed(token);
    expect(await diagnosed(token, draft, { secrets: `'${secret}'` })).toMatchObject({
      cause: 'secret-surrounded',
    });
    expect(await diagnosed(token, draft, { secrets: textInHex })).toMatchObject({ cause: 'secret-encoding' });
  });

  it('none at all', async () => {
    const draft = await signed(github);
    expect(await diagnosed(github, draft, { secrets: [] })).toMatchObject({
      cause: 'misconfigured',
      advice: 'no secret is configured: pass at least one',
    });
  });
});

describe('another URL than the one that was signed', () => {
  const cases = [
    ['https://example.com/hook', 'http://example.com/hook', 'scheme (https)'],
    ['https://example.com/hook', 'https://example.com/hook/', 'slash'],
    ['https://example.com/hook?a=1', 'http://example.com/hook/?a=1', 'scheme (https) and the slash'],
    ['https://example.com/hook', 'http://example.com:8080/hook', 'scheme (https) and its port (none)'],
    ['https://example.com:443/hook', 'https://example.com/hook', 'port (443)'],
    ['https://example.com/hook', 'https://example.com/hook?shard=2', 'query (none)'],
    ['https://public.example/hook', 'http://10.0.0.7:8080/hook', 'the header x-forwarded-host'],
  ] as const;

  it.each(cases)('%s received as %s', async (sent, received, difference) => {
    const draft = await signed(urlSigner, { url: sent });
    const headers = { ...draft.headers, 'x-forwarded-host': 'public.example', host: 'inside:8080' };
    const diagnosis = await diagnosed(urlSigner, { ...draft, headers, url: received });
    expect(diagnosis).toMatchObject({ cause: 'url-other' });
    expect(diagnosis.advice).toContain(difference);
  });

  it('none at all', async () => {
    const { headers, body: sent } = await signed(urlSigner);
    expect(await diagnosed(urlSigner, { headers, body: sent })).toMatchObject({ cause: 'url-missing' });
  });
});

describe('another sender', () => {
  const sha1 = createHmac('sha1', secret).update(body).digest('hex');

  it.each([
    ['in its older header', { 'x-hub-signature': `sha1=${sha1}` }],
    ['in the header of the newer one', { 'x-hub-signature-256': `sha1=${sha1}` }],
    ['bare', { 'x-hub-signature-256': sha1 }],
  ])('that signs with SHA-1, %s', async (_, headers) => {
    expect(await diagnosed(github, { headers, body })).toMatchObject({ cause: 'sha1-only' });
  });

  it('whose request fits its own row', async () => {
    const draft = await signed(stripe);
    expect(await diagnosed(github, draft)).toMatchObject({
      cause: 'other-provider',
      advice: expect.stringContaining('set the provider to stripe') as string,
    });
  });

  it('whose secret is not known here', async () => {
    const draft = await signed(slack, { secret: 'unknown' });
    expect(await diagnosed(stripe, draft, { others: new Set(others).values() })).toMatchObject({
      cause: 'other-provider',
      advice: expect.stringContaining('x-slack-signature is one of Slack') as string,
    });
    const headers = new Headers(draft.headers);
    expect(await diagnosed(github, { ...draft, headers })).toMatchObject({ cause: 'other-provider' });
  });

  it('that signs nothing, or something else', async () => {
    expect(await diagnosed(github, { headers: {}, body })).toMatchObject({ cause: 'header-missing' });
    const headers = { 'x-hub-signature-256': 'sha256=none' };
    expect(await diagnosed(github, { headers, body })).toMatchObject({ cause: 'header-malformed' });
  });
});

describe('a clock', () => {
  it.each([
    [-3_600, 'its time is 3600 seconds behind this clock'],
    [7_200, 'its time is 7200 seconds ahead of this clock'],
  ])('that is %s seconds off', async (seconds, words) => {
    const draft = await signed(stripe, { nowMs: nowMs + seconds * 1_000 });
    const diagnosis = await diagnosed(stripe, draft);
    expect(diagnosis).toMatchObject({ cause: 'clock-skew', tries: 1 });
    expect(diagnosis.advice).toContain(words);
  });
});

describe('the limits', () => {
  it('a forgery is given up, after a known number of tries', async () => {
    const draft = await signed(github, { secret: 'of somebody else' });
    for (const text of [body, '{"a":[1,2,{"b":"<é/>"}]}\n', 'a=1&b=2', '', 'no json']) {
      const diagnosis = await diagnosed(github, { ...draft, body: text });
      expect(diagnosis.cause).toBe('unexplained');
      expect(diagnosis.tries).toBeLessThanOrEqual(96);
      expect(diagnosis.advice).toContain(`none of ${diagnosis.tries} tries fits`);
    }
  });

  it.each([
    ['nested deeply', '['.repeat(50_000) + ']'.repeat(50_000)],
    ['all escapes', JSON.stringify('"\\'.repeat(50_000))],
    ['all line ends', '\n'.repeat(250_000)],
    ['all brackets', `[${'[],'.repeat(80_000)}1]`],
    ['all slashes', JSON.stringify('/'.repeat(250_000))],
    ['with a key of the prototype', '{"__proto__":{"b":1,"a":2},"constructor":1}'],
    ['larger than is tried', `{"a":"${'é'.repeat(2_000_000)}"}`],
    ['no UTF-8', Buffer.from([0xff, 0xfe, 0x0a])],
  ])('a hostile body, %s, is judged in time', async (_, text) => {
    const draft = await signed(github, { secret: 'of somebody else' });
    // Of the processor: others may keep it from us for longer.
    const before = process.cpuUsage();
    expect(await diagnosed(github, { ...draft, body: text })).toMatchObject({ cause: 'unexplained' });
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000_000).toBeLessThan(5);
  });

  it('never rejects, whatever a row does', async () => {
    const broken: Provider = {
      ...github,
      schemes: [{ kind: 'custom', verify: () => Promise.reject(new Error('a defect')) }],
    };
    const refusal = { ok: false, reason: 'mismatch', detail: '' } as const;
    const request = { headers: {}, body, url: 'https://example.com/' };
    const diagnosis = await diagnoseRefusal(broken, request, { secrets: secret }, refusal);
    expect(diagnosis.cause).toBe('unexplained');
  });

  it('keys are fetched once for all tries', async () => {
    let fetched = 0;
    const remote: Provider = {
      ...github,
      schemes: [
        {
          kind: 'custom',
          async verify(_request, _secret, { fetchText }) {
            await fetchText('https://example.com/keys').catch(() => '');
            return { ok: false, reason: 'mismatch', detail: 'no key fits' };
          },
        },
      ],
    };
    const fetchText = () => {
      fetched += 1;
      return Promise.reject(new Error('not there'));
    };
    const diagnosis = await diagnosed(remote, { headers: {}, body }, { fetchText });
    expect(diagnosis.tries).toBeGreaterThan(20);
    expect(fetched).toBe(2);
  });
});
