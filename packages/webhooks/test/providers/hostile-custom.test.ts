// What someone sends who wants to be believed, or to keep us busy.
import { createHmac, createSecretKey, createSign } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import type { Provider } from '../../src/provider/provider.ts';
import { readEvents } from '../../src/provider/read-events.ts';
import { signRequest } from '../../src/provider/sign-request.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import type { ReceivedRequest } from '../../src/provider/request.ts';
import { adyenPayments } from '../../src/providers/adyen-payments.ts';
import { providers } from '../../src/providers/all.ts';
import { dropboxSign } from '../../src/providers/dropbox-sign.ts';
import { fusionauth } from '../../src/providers/fusionauth.ts';
import { mailgun } from '../../src/providers/mailgun.ts';
import { microsoftGraph } from '../../src/providers/microsoft-graph.ts';
import { netlify } from '../../src/providers/netlify.ts';
import { paddleClassic } from '../../src/providers/paddle-classic.ts';
import { plivo } from '../../src/providers/plivo.ts';
import { twilio } from '../../src/providers/twilio.ts';
import { wix } from '../../src/providers/wix.ts';
import { samples as first } from '../provider-samples/custom-1.ts';
import { samples as second } from '../provider-samples/custom-2.ts';
import { samples as third } from '../provider-samples/custom-3.ts';
import { samples as fourth } from '../provider-samples/custom-4.ts';
import { ecKeys, jwkOf, privatePem, publicDer, publicPem, rsaKeys } from '../support/provider-keys.ts';
import type { ProviderSample } from '../support/provider-sample.ts';

const nowMs = 1_700_000_000_000;
const samples = [...first, ...second, ...third, ...fourth];
const sampleOf = (provider: Provider) =>
  samples.find((sample) => sample.provider === provider) as ProviderSample;
const textOf = (body: Uint8Array) => Buffer.from(body).toString();

function verified(provider: Provider, request: ReceivedRequest, secrets: string | string[]) {
  const { settings = {} } = sampleOf(provider);
  return verifyRequest(provider, request, {
    secrets,
    settings,
    now: () => nowMs,
    fetchText: () => Promise.reject(new Error('nothing is fetched here')),
  });
}

function signed({ provider, request, secret, signingSecret, settings = {} }: ProviderSample) {
  return signRequest(provider, { ...request, secret: signingSecret ?? secret, settings, nowMs });
}

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a token', () => {
  const { request } = sampleOf(fusionauth);
  const claims = { request_body_sha256: '' };
  const draft = (token: string): ReceivedRequest => ({
    headers: { 'x-fusionauth-signature-jwt': token },
    body: request.body,
  });
  const bodyHash = async () => {
    const hash = await crypto.subtle.digest('SHA-256', Buffer.from(request.body));
    return { ...claims, request_body_sha256: Buffer.from(hash).toString('base64') };
  };

  it('is accepted with the key that belongs to it', async () => {
    for (const [keys, algorithm] of [
      [rsaKeys, 'RS256'],
      [rsaKeys, 'RS512'],
      [ecKeys, 'ES256'],
    ] as const) {
      const token = await new SignJWT(await bodyHash())
        .setProtectedHeader({ alg: algorithm })
        .sign(keys.privateKey);
      for (const secret of [publicPem(keys), publicDer(keys).toString('base64')]) {
        expect(await verified(fusionauth, draft(token), secret)).toMatchObject({ ok: true });
      }
    }
  });

  it('is not made by whoever knows the public key', async () => {
    for (const secret of [
      publicPem(rsaKeys),
      publicPem(rsaKeys).trim(),
      publicDer(rsaKeys).toString('base64'),
      // Not every way of writing it verifies; none of them becomes the key of an HMAC.
      publicDer(ecKeys).toString('base64').replace(/=+$/, ''),
      publicDer(ecKeys).toString('base64url'),
      publicDer(ecKeys).toString('hex'),
      JSON.stringify(jwkOf(ecKeys, 'test')),
    ]) {
      for (const alg of ['HS256', 'HS384', 'HS512']) {
        const token = await new SignJWT(await bodyHash())
          .setProtectedHeader({ alg })
          .sign(createSecretKey(Buffer.from(secret)));
        expect(await verified(fusionauth, draft(token), secret)).toMatchObject({
          ok: false,
          reason: 'malformed-header',
        });
      }
    }
  });

  it('is not believed without a signature, whatever the algorithm is called', async () => {
    const body = base64url(await bodyHash());
    for (const alg of ['none', 'None', 'NONE', '', 'HS256']) {
      for (const tail of ['', '.', '.AA', '.AA.AA']) {
        const token = `${base64url({ alg, typ: 'JWT' })}.${body}${tail}`;
        expect((await verified(fusionauth, draft(token), 'a-shared-secret')).ok).toBe(false);
        expect((await verified(fusionauth, draft(token), publicPem(rsaKeys))).ok).toBe(false);
      }
    }
  });

  it('is not believed when it asks for something that is not understood', async () => {
    const secret = 'a-shared-secret';
    const content = `${base64url({ alg: 'HS256', crit: ['b64'], b64: false })}.${base64url(await bodyHash())}`;
    const signature = createHmac('sha256', secret).update(content).digest('base64url');
    expect(await verified(fusionauth, draft(`${content}.${signature}`), secret)).toMatchObject({ ok: false });
    const plain = `${base64url({ alg: 'HS256' })}.${base64url(await bodyHash())}`;
    const good = createHmac('sha256', secret).update(plain).digest('base64url');
    expect(await verified(fusionauth, draft(`${plain}.${good}`), secret)).toMatchObject({ ok: true });
    expect(await verified(fusionauth, draft(`${plain}.${good}=`), 'another')).toMatchObject({ ok: false });
  });

  it('is read in bounds', async () => {
    const long = `${base64url({ alg: 'HS256' })}.${'A'.repeat(9_000)}.AA`;
    expect(
      await verified(netlify, { headers: { 'x-webhook-signature': long }, body: '' }, 's'),
    ).toMatchObject({
      reason: 'missing-header',
    });
    const huge = `${base64url({ alg: 'RS256' })}.${'A'.repeat(2_000_000)}.AA`;
    expect(await verified(wix, { headers: {}, body: huge }, publicPem(rsaKeys))).toMatchObject({
      reason: 'malformed-header',
    });
    expect(readEvents(wix, { headers: {}, body: huge })).toMatchObject([{ type: 'unknown' }]);
  });

  it('is refused with its times wrong, and believed at any age when that is asked', async () => {
    const secret = 'a-shared-secret';
    const times = {
      stale: { exp: 1_699_999_000 },
      future: { nbf: 1_700_001_000 },
      'malformed-header': { exp: 'x' },
    };
    for (const [reason, claim] of Object.entries(times)) {
      const content = `${base64url({ alg: 'HS256' })}.${base64url({ ...(await bodyHash()), ...claim })}`;
      const token = `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
      expect(await verified(fusionauth, draft(token), secret)).toMatchObject({ ok: false, reason });
      const options = { secrets: secret, toleranceSeconds: 'any-age', now: () => nowMs } as const;
      expect(await verifyRequest(fusionauth, draft(token), options)).toMatchObject({ ok: true });
    }
  });
});

describe('a form', () => {
  it('with a million fields is refused without being parsed', async () => {
    const body = 'a=1&'.repeat(1_000_000);
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': createHmac('sha1', 's').update('https://h.example/').digest('base64'),
    };
    for (const provider of [twilio, paddleClassic]) {
      const { secret } = sampleOf(provider);
      expect((await verified(provider, { headers, body, url: 'https://h.example/' }, secret)).ok).toBe(false);
    }
    // None of them is parsed.
    expect(readEvents(paddleClassic, { headers, body })).toEqual([{ type: 'unknown', payload: {} }]);
  });

  it('is not taken for one without fields, whose signature would hold', async () => {
    const secret = 'twilio-auth-token';
    const url = 'https://hooks.example.com/in';
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': createHmac('sha1', secret).update(url).digest('base64'),
    };
    expect(await verified(twilio, { headers, url, body: '' }, secret)).toMatchObject({ ok: true });
    expect(await verified(twilio, { headers, url, body: 'a=1' }, secret)).toMatchObject({ ok: false });
    const flood = 'a=1&'.repeat(3_000);
    expect(await verified(twilio, { headers, url, body: flood }, secret)).toMatchObject({ ok: false });
    const noText = Uint8Array.of(0x7b, 0xff, 0x7d);
    expect(await verified(twilio, { headers, url, body: noText }, secret)).toMatchObject({ ok: false });
  });

  it('of Plivo is not cut short, with the rest of what was signed in the nonce', async () => {
    const [secret, nonce, url] = ['auth-token', '05429567804466091622', 'https://hooks.example.com/in?a=1'];
    const verdictOf = (method: string, body: string, [signedFields, givenNonce]: readonly string[]) => {
      const signature = createHmac('sha256', secret).update(`${url}${signedFields}.${nonce}`);
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        'x-plivo-signature-v3': signature.digest('base64'),
        'x-plivo-signature-v3-nonce': givenNonce,
      };
      return verified(plivo, { method, url, headers, body }, secret);
    };
    const fields = '.Texta 9.50';
    expect(await verdictOf('POST', 'Text=a+9.50', [fields, nonce])).toMatchObject({ ok: true });
    expect(await verdictOf('POST', 'Text=a+9', [fields, `50.${nonce}`])).toMatchObject({ ok: false });
    expect(await verdictOf('POST', '', [fields, `Texta 9.50.${nonce}`])).toMatchObject({ ok: false });
    expect(await verdictOf('GET', '', ['', nonce])).toMatchObject({ ok: true });
    expect(await verdictOf('GET', 'Status=delivered', ['', nonce])).toMatchObject({ ok: false });
  });

  it('holds no second field beside the signed one', async () => {
    const sample = sampleOf(paddleClassic);
    const draft = await signed(sample);
    const body = `alert_name=subscription_cancelled&${textOf(draft.body)}`;
    expect(await verified(paddleClassic, { ...draft, body }, sample.secret)).toMatchObject({ ok: false });
  });
});

describe('JSON', () => {
  // Beyond what any recursion survives.
  const depth = 20_000;
  const deep = `${'{"value":['.repeat(depth)}1${']}'.repeat(depth)}`;

  it.each([...providers])(
    'of great depth is refused by %s, and read without an error',
    async (_name, provider) => {
      const headers = { 'content-type': 'application/json' };
      const received = { headers, body: deep, method: 'POST', url: 'https://hooks.example.com/' };
      const settings = Object.fromEntries((provider.settings ?? []).map(({ name }) => [name, 'x']));
      const verdict = await verifyRequest(provider, received, {
        secrets: publicPem(rsaKeys),
        settings,
        fetchText: () => Promise.reject(new Error('nothing is fetched here')),
      });
      expect(verdict.ok).toBe(false);
      expect(readEvents(provider, received)).toHaveLength(1);
    },
  );
});

describe('a batch', () => {
  it('of Adyen is refused when one item is not signed, or there are too many', async () => {
    const sample = sampleOf(adyenPayments);
    const draft = await signed(sample);
    const { notificationItems: items } = JSON.parse(textOf(draft.body)) as { notificationItems: object[] };
    const verdictOf = (notificationItems: unknown) =>
      verified(adyenPayments, { headers: {}, body: JSON.stringify({ notificationItems }) }, sample.secret);
    expect(await verdictOf([...items, ...items])).toMatchObject({ ok: true });
    const unsigned = { NotificationRequestItem: { pspReference: '1', eventCode: 'REFUND' } };
    expect(await verdictOf([...items, unsigned])).toMatchObject({ reason: 'missing-header' });
    const copied = { NotificationRequestItem: { ...Object.values(items[0] ?? {})[0], eventCode: 'REFUND' } };
    expect(await verdictOf([...items, copied])).toMatchObject({ reason: 'mismatch' });
    expect(await verdictOf(Array(101).fill(items[0]))).toMatchObject({ reason: 'too-large' });
    for (const empty of [[], {}, 'x', undefined]) {
      expect(await verdictOf(empty)).toMatchObject({ reason: 'malformed-header' });
    }
  });

  it('of Graph is refused when one notification is of someone else', async () => {
    const verdictOf = (states: unknown[]) => {
      const value = states.map((clientState) => ({ clientState, changeType: 'created' }));
      return verified(microsoftGraph, { headers: {}, body: JSON.stringify({ value }) }, 'ours');
    };
    expect(await verdictOf(['ours', 'ours'])).toMatchObject({ ok: true });
    expect(await verdictOf(['ours', 'theirs'])).toMatchObject({ reason: 'mismatch' });
    expect(await verdictOf(['ours', undefined])).toMatchObject({ reason: 'missing-header' });
    expect(await verdictOf([])).toMatchObject({ reason: 'malformed-header' });
    expect(await verdictOf(Array(1_001).fill('ours'))).toMatchObject({ reason: 'too-large' });
  });
});

describe('what a signature does not cover', () => {
  it('is the whole event of Mailgun, which the row says', async () => {
    const sample = sampleOf(mailgun);
    const draft = await signed(sample);
    const changed = textOf(draft.body).replace('"opened"', '"complained"');
    expect(await verified(mailgun, { ...draft, body: changed }, sample.secret)).toMatchObject({ ok: true });
    expect(mailgun.schemes.map(({ covers }) => covers)).toEqual(['nothing', 'nothing']);
    const token = textOf(draft.body).replace('a8ce0edb', 'b8ce0edb');
    expect(await verified(mailgun, { ...draft, body: token }, sample.secret)).toMatchObject({
      reason: 'mismatch',
    });
  });

  it('is all but the type and the time of Dropbox Sign', async () => {
    const sample = sampleOf(dropboxSign);
    const draft = await signed(sample);
    const change = async (from: string, to: string) => {
      const body = textOf(draft.body).replace(from, to);
      return (await verified(dropboxSign, { ...draft, body }, sample.secret)).ok;
    };
    expect(await change('"NDA"', '"NDB"')).toBe(true);
    expect(await change('signature_request_signed', 'signature_request_declined')).toBe(false);
    expect(await change('1348177752', '1348177753')).toBe(false);
    expect(dropboxSign.schemes[0]?.covers).toBe('part');
    expect(dropboxSign.caution).toBeDefined();
  });

  it('is said in a word of caution wherever a signature leaves the body open', () => {
    for (const { name, schemes, caution } of providers.values()) {
      const isOpen = schemes.some(
        ({ kind, covers = 'body' }) => (kind === 'signature' || kind === 'custom') && covers !== 'body',
      );
      expect({ name, isSaid: !isOpen || caution !== undefined }).toEqual({ name, isSaid: true });
    }
  });
});

it('passes nothing that is unsigned, unless that was allowed', async () => {
  const unsigned = [...providers.values()].filter(({ schemes }) => schemes[0]?.kind === 'unsigned');
  expect(unsigned.length).toBeGreaterThanOrEqual(4);
  for (const provider of unsigned) {
    const request = { headers: {}, body: 'type=subscribe' };
    const refused = await verifyRequest(provider, request, { secrets: [] });
    expect(refused).toMatchObject({ ok: false, reason: 'misconfigured' });
    const allowed = await verifyRequest(provider, request, { secrets: [], allowUnsigned: true });
    expect(allowed).toMatchObject({ ok: true });
  }
});

it('believes no signature that was made for another provider of the same key', async () => {
  const body = '{"type":"x"}';
  const signature = createSign('sha1').update(body).sign(privatePem(rsaKeys), 'base64');
  const request = { headers: { 'x-signature-sha256': signature, signature }, body };
  for (const name of ['wise', 'freshchat']) {
    const provider = providers.get(name) as Provider;
    expect((await verified(provider, request, publicPem(rsaKeys))).ok).toBe(false);
  }
});
