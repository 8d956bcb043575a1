// Keys that providers publish: from the right hosts only, in bounds, and not asked for without end.
import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCertificate } from '../../src/provider/certificate.ts';
import { crc32 } from '../../src/provider/crc32.ts';
import type { FetchOptions, Provider } from '../../src/provider/provider.ts';
import { signRequest } from '../../src/provider/sign-request.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { awsSns } from '../../src/providers/aws-sns.ts';
import { falAi } from '../../src/providers/fal-ai.ts';
import { googlePubsub } from '../../src/providers/google-pubsub.ts';
import { kick } from '../../src/providers/kick.ts';
import { mailchannels } from '../../src/providers/mailchannels.ts';
import { paypal } from '../../src/providers/paypal.ts';
import { plaid } from '../../src/providers/plaid.ts';
import { travisCi } from '../../src/providers/travis-ci.ts';
import { samples as second } from '../provider-samples/custom-2.ts';
import { samples as third } from '../provider-samples/custom-3.ts';
import { certificateOf, ecKeys, jwkOf, privatePem, rsaKeys } from '../support/provider-keys.ts';
import type { ProviderSample } from '../support/provider-sample.ts';

const nowMs = 1_700_000_000_000;
const minuteMs = 60_000;

function sampleOf(provider: Provider): ProviderSample {
  const found = [...second, ...third].find((sample) => sample.provider === provider);
  if (found === undefined) throw new Error(`no sample of ${provider.name}`);
  return found;
}

/** A reader that counts, and answers what the test says. */
function reader(answer: (url: string, options: FetchOptions) => string | undefined) {
  const asked: string[] = [];
  return {
    asked,
    async fetchText(url: string, options: FetchOptions = {}): Promise<string> {
      asked.push(url);
      const text = answer(url, options);
      if (text === undefined) throw new Error('503');
      return text;
    },
  };
}

type Change = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: (body: string) => string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly at?: number;
};

/** The verdict on a sample that was signed and then changed. */
async function verdictOf(
  provider: Provider,
  fetchText: (url: string, options?: FetchOptions) => Promise<string>,
  change: Change = {},
) {
  const { request, secret, signingSecret, settings = {} } = sampleOf(provider);
  const draft = await signRequest(provider, { ...request, secret: signingSecret ?? secret, settings, nowMs });
  const body = Buffer.from(draft.body).toString();
  const changed = {
    ...draft,
    headers: { ...draft.headers, ...change.headers },
    body: change.body?.(body) ?? body,
  };
  return verifyRequest(provider, changed, {
    secrets: [secret],
    settings: { ...settings, ...change.settings },
    now: () => change.at ?? nowMs,
    fetchText,
  });
}

const published = (provider: Provider) => reader((url) => sampleOf(provider).published?.[url]);

describe('a certificate', () => {
  it('has the key and the dates that Node reads from it', () => {
    for (const to of ['2049-12-31T23:59:59Z', '2050-01-01T00:00:00Z', '2099-01-01T00:00:00Z']) {
      const pem = certificateOf(rsaKeys, new Date('1999-05-01T12:30:00Z'), new Date(to));
      const node = new X509Certificate(pem);
      expect(readCertificate(pem)).toEqual({
        spki: node.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
        notBeforeMs: Date.parse(node.validFrom),
        notAfterMs: Date.parse(node.validTo),
      });
    }
  });

  it('is none when a byte of its structure is wrong, and never throws', () => {
    const der = Buffer.from(certificateOf(rsaKeys).replace(/-----[A-Z ]+-----|\s/g, ''), 'base64');
    const pemOf = (bytes: Uint8Array) =>
      `-----BEGIN CERTIFICATE-----\n${Buffer.from(bytes).toString('base64')}\n-----END CERTIFICATE-----`;
    expect(readCertificate(pemOf(der))).toBeDefined();
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.nat(255), fc.nat(der.length), (index, byte, length) => {
        const changed = Buffer.from(der.subarray(0, length));
        if (index < changed.length) changed[index] = byte;
        const read = readCertificate(pemOf(changed));
        expect(read === undefined || typeof read.spki === 'string').toBe(true);
        if (length < der.length - 300) expect(read).toBeUndefined();
      }),
    );
    for (const text of [
      '',
      'x',
      pemOf(new Uint8Array()),
      pemOf(Uint8Array.of(0x30, 0x80)),
      'x'.repeat(70_000),
    ]) {
      expect(readCertificate(text)).toBeUndefined();
    }
  });
});

describe('PayPal', () => {
  it('signs a CRC-32 as everyone computes it', () => {
    expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array())).toBe(0);
  });

  it.each([
    'http://api.paypal.com/v1/notifications/certs/CERT-1',
    'https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1',
    'https://evilpaypal.com/v1/notifications/certs/CERT-1',
    'https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1',
    'https://evil.example/v1/notifications/certs/CERT-1#.paypal.com',
    'https://www.paypal.com/redirect?to=https://evil.example',
    'https://api.paypal.com:444/v1/notifications/certs/CERT-1',
    'https://api.paypal.com/v1/notifications/certs/..%2f..%2fother/CERT-1',
    'https://api.paypal.com/v1/notifications/certs/CERT-1?again=1',
    'file:///etc/passwd',
    '',
  ])('has no certificate read from «%s»', async (url) => {
    const { asked, fetchText } = published(paypal);
    const verdict = await verdictOf(paypal, fetchText, { headers: { 'paypal-cert-url': url } });
    expect(verdict).toMatchObject({ ok: false, reason: 'unknown-key' });
    expect(asked).toEqual([]);
  });

  it('is not believed for another webhook, nor with a certificate that has ended', async () => {
    const { fetchText } = published(paypal);
    expect(await verdictOf(paypal, fetchText)).toMatchObject({ ok: true });
    expect(await verdictOf(paypal, fetchText, { settings: { webhookId: 'other' } })).toMatchObject({
      reason: 'mismatch',
    });
    const ended = reader(() => certificateOf(rsaKeys, new Date('2019-01-01'), new Date('2020-01-01')));
    expect(await verdictOf(paypal, ended.fetchText)).toMatchObject({ reason: 'unknown-key' });
  });

  it('is not asked without end for certificates that strangers name', async () => {
    const { asked, fetchText } = published(paypal);
    const forged = (index: number) => {
      const url = `https://api-${index}.paypal.com/v1/notifications/certs/CERT-${index}`;
      return verdictOf(paypal, fetchText, { headers: { 'paypal-cert-url': url } });
    };
    expect(await verdictOf(paypal, fetchText)).toMatchObject({ ok: true });
    for (let index = 0; index < 100; index += 1) {
      expect(await forged(index)).toMatchObject({ ok: false, reason: 'key-unavailable' });
    }
    expect(asked.length).toBeLessThanOrEqual(31);
    const before = asked.length;
    expect(await verdictOf(paypal, fetchText)).toMatchObject({ ok: true });
    expect(asked).toHaveLength(before);
  });

  it('is worth another try while its certificate cannot be read', async () => {
    for (const answer of [undefined, 'no certificate']) {
      const { fetchText } = reader(() => answer);
      expect(await verdictOf(paypal, fetchText)).toMatchObject({ ok: false, reason: 'key-unavailable' });
    }
  });
});

describe('Amazon SNS', () => {
  it.each([
    'https://sns.us-west-2.amazonaws.com.evil.example/cert.pem',
    'https://evil.example/sns.us-west-2.amazonaws.com/cert.pem',
    'https://bucket.s3.amazonaws.com/cert.pem',
    'https://sns.us-west-2.amazonaws.com/cert.pem?x=1',
    'https://sns.us-west-2.amazonaws.com/cert.txt',
    'http://sns.us-west-2.amazonaws.com/cert.pem',
    'https://xsns.us-west-2.amazonaws.com/cert.pem',
    'https://sns.s3-us-west-2.amazonaws.com/cert.pem',
    'https://sns.s3-accelerate.amazonaws.com/cert.pem',
    'https://sns.us-west-2.amazonaws.com/a/cert.pem',
  ])('has no certificate read from %s', async (url) => {
    const { asked, fetchText } = reader(() => certificateOf(rsaKeys));
    const verdict = await verdictOf(awsSns, fetchText, {
      body: (body) => body.replace(/"SigningCertURL":"[^"]*"/, `"SigningCertURL":"${url}"`),
    });
    expect(verdict).toMatchObject({ ok: false, reason: 'unknown-key' });
    expect(asked).toEqual([]);
  });

  it('is believed for one topic only, and for what it signed', async () => {
    const { fetchText } = published(awsSns);
    expect(await verdictOf(awsSns, fetchText)).toMatchObject({ ok: true, timestamp: 1_700_000_000 });
    const otherTopic = { settings: { topicArn: 'arn:aws:sns:us-west-2:123456789012:Other' } };
    expect(await verdictOf(awsSns, fetchText, otherTopic)).toMatchObject({ reason: 'mismatch' });
    for (const [from, to] of [
      ['Hello world!', 'Hello World!'],
      ['My First Message', 'My Other Message'],
      ['"SignatureVersion":"2"', '"SignatureVersion":"1"'],
      ['"Type":"Notification"', '"Type":"UnsubscribeConfirmation"'],
    ] as const) {
      const verdict = await verdictOf(awsSns, fetchText, { body: (body) => body.replace(from, to) });
      expect(verdict).toMatchObject({ ok: false, reason: 'mismatch' });
    }
    for (const type of ['constructor', '__proto__', 'Other']) {
      const verdict = await verdictOf(awsSns, fetchText, {
        body: (body) => body.replace('"Type":"Notification"', `"Type":"${type}"`),
      });
      expect(verdict).toMatchObject({ ok: false, reason: 'missing-header' });
    }
  });

  it('is of any age, unless the caller says otherwise', async () => {
    const { fetchText } = published(awsSns);
    const dayLater = nowMs + 86_400_000;
    expect(await verdictOf(awsSns, fetchText, { at: dayLater })).toMatchObject({ ok: true });
  });
});

describe('a key set', () => {
  it('is read anew for a key that it does not hold, once a minute', async () => {
    const sets = [[], [], [jwkOf(rsaKeys, 'test')]];
    let reads = 0;
    const { asked, fetchText } = reader((_url, { fresh }) => {
      if (fresh) reads += 1;
      return JSON.stringify({ keys: sets[Math.min(reads, 2)] });
    });
    expect(await verdictOf(googlePubsub, fetchText)).toMatchObject({ reason: 'unknown-key' });
    expect(asked).toHaveLength(2);
    expect(await verdictOf(googlePubsub, fetchText)).toMatchObject({ reason: 'unknown-key' });
    expect(asked).toHaveLength(3);
    expect(reads).toBe(1);
    const later = { at: nowMs + minuteMs };
    expect(await verdictOf(googlePubsub, fetchText, later)).toMatchObject({ ok: true });
    expect(reads).toBe(2);
  });

  it('is not taken for a key set when it is none', async () => {
    for (const text of ['', '{}', '[]', 'null', '{"keys":{}}']) {
      const { fetchText } = reader(() => text);
      expect(await verdictOf(googlePubsub, fetchText)).toMatchObject({ reason: 'key-unavailable' });
    }
  });

  it('verifies nothing with keys that are for something else', async () => {
    for (const change of [{ use: 'enc' }, { alg: 'RS512' }, { kty: 'oct', k: 'AAAA' }, { n: 1 }]) {
      const keys = [{ ...jwkOf(rsaKeys, 'test'), ...change }];
      const { fetchText } = reader(() => JSON.stringify({ keys }));
      expect(await verdictOf(googlePubsub, fetchText)).toMatchObject({ ok: false, reason: 'unknown-key' });
    }
  });
});

describe('Plaid', () => {
  const keyOf = (change: object) => JSON.stringify({ key: { ...jwkOf(ecKeys, 'test'), ...change } });

  it('is asked for a key once, with the credentials, and at the right place', async () => {
    const bodies: string[] = [];
    const { asked, fetchText } = reader((_url, { json = '' }) => {
      bodies.push(json);
      return keyOf({ expired_at: null });
    });
    for (const at of [nowMs, nowMs + 1_000]) {
      expect(await verdictOf(plaid, fetchText, { at })).toMatchObject({ ok: true });
    }
    expect(asked).toEqual(['https://sandbox.plaid.com/webhook_verification_key/get']);
    expect(JSON.parse(bodies[0] ?? '')).toEqual({
      client_id: '5e3f0a1b2c3d4e5f6a7b8c9d',
      secret: 'plaid-api-secret',
      key_id: 'test',
    });
  });

  it('verifies nothing with a key that is retired, or another', async () => {
    for (const change of [{ expired_at: 1_600_000_000 }, { kid: 'other' }]) {
      const { fetchText } = reader(() => keyOf(change));
      expect(await verdictOf(plaid, fetchText)).toMatchObject({ reason: 'unknown-key' });
    }
  });

  it('is not asked without end for keys that are not there', async () => {
    const { asked, fetchText } = reader(() => '{}');
    const reasons: unknown[] = [];
    for (let tries = 0; tries < 8; tries += 1) {
      const verdict = await verdictOf(plaid, fetchText);
      reasons.push(verdict.ok || verdict.reason);
    }
    expect(asked).toHaveLength(5);
    expect(reasons.slice(4, 6)).toEqual(['unknown-key', 'key-unavailable']);
  });

  it('is asked once for a key that many requests wait for', async () => {
    const { asked, fetchText } = reader(() => keyOf({}));
    const verdicts = await Promise.all(Array.from({ length: 8 }, () => verdictOf(plaid, fetchText)));
    expect(verdicts.filter(({ ok }) => ok)).toHaveLength(8);
    expect(asked).toHaveLength(1);
  });

  it('is asked again after a day for a key that is known, whatever strangers ask for', async () => {
    const { fetchText } = reader(() => keyOf({}));
    expect(await verdictOf(plaid, fetchText)).toMatchObject({ ok: true });
    const at = nowMs + 24 * 60 * minuteMs;
    for (let tries = 0; tries < 6; tries += 1) {
      const forged = `${Buffer.from(`{"alg":"ES256","kid":"no-${tries}"}`).toString('base64url')}.e30.AAAA`;
      const verdict = await verdictOf(plaid, fetchText, { at, headers: { 'plaid-verification': forged } });
      expect(verdict.ok).toBe(false);
    }
    // The sample was signed a day before: its signature is right.
    expect(await verdictOf(plaid, fetchText, { at })).toMatchObject({ reason: 'stale' });
  });

  it('says nothing of the secret when it cannot be asked', async () => {
    const { fetchText } = reader(() => undefined);
    const verdict = await verdictOf(plaid, fetchText);
    expect(verdict).toMatchObject({ reason: 'key-unavailable' });
    expect(JSON.stringify(verdict)).not.toContain('plaid-api-secret');
  });
});

it('takes the signature of Kick for one id alone', async () => {
  const { fetchText } = published(kick);
  const timed = { 'kick-event-message-timestamp': '2025-01-14T16:08:06.123Z' };
  const { request, secret, signingSecret } = sampleOf(kick);
  const headers = { ...request.headers, ...timed, 'kick-event-message-id': '01JHK' };
  const body = '{"content":"one. two"}';
  const draft = await signRequest(kick, {
    ...request,
    body,
    headers,
    secret: signingSecret ?? secret,
    nowMs,
  });
  const verdictOn = (more: Readonly<Record<string, string>>) =>
    verifyRequest(kick, { ...draft, headers: { ...draft.headers, ...more } }, { secrets: [], fetchText });
  expect(await verdictOn({})).toMatchObject({ ok: true, id: '01JHK' });
  const moved = {
    'kick-event-message-id': '01JHK.2025-01-14T16:08:06',
    'kick-event-message-timestamp': '123Z',
  };
  expect(await verdictOn(moved)).toMatchObject({ ok: false });
  for (const [time, rest] of [
    ['2025-01-14T16:08:06', `123Z.${body}`],
    ['2025-01-14T16:08:06.123Z.{"content":"one', ' two"}'],
  ] as const) {
    const changed = {
      ...draft,
      headers: { ...draft.headers, 'kick-event-message-timestamp': time },
      body: rest,
    };
    expect(await verifyRequest(kick, changed, { secrets: [], fetchText })).toMatchObject({
      reason: 'malformed-header',
    });
  }
});

describe('keys that sign for every customer', () => {
  it.each([
    [googlePubsub, { serviceAccount: 'other@project.iam.gserviceaccount.com' }],
    [googlePubsub, { audience: 'https://other.example.com/' }],
    [falAi, { userId: 'someone-else' }],
    [mailchannels, { customerHandle: 'someone-else' }],
    [travisCi, { owner: 'someone-else' }],
  ])('are not believed for another one (%#)', async (provider, settings) => {
    const { fetchText } = published(provider);
    expect(await verdictOf(provider, fetchText)).toMatchObject({ ok: true });
    const verdict = await verdictOf(provider, fetchText, { settings });
    expect(verdict).toMatchObject({ ok: false, reason: 'mismatch' });
  });

  it('are worth another try when what was answered holds none', async () => {
    for (const provider of [kick, travisCi]) {
      const { fetchText } = reader(() => '{"data":{}}');
      expect(await verdictOf(provider, fetchText)).toMatchObject({ reason: 'key-unavailable' });
    }
  });
});

it('asks MailChannels for no key whose id is no id', async () => {
  const { asked, fetchText } = published(mailchannels);
  for (const id of ['../../secret', 'a b', 'x'.repeat(65), '?', '']) {
    const input = `sig_1=("content-digest");created=1700000000;alg="ed25519";keyid="${id}"`;
    const verdict = await verdictOf(mailchannels, fetchText, { headers: { 'signature-input': input } });
    expect(verdict).toMatchObject({ ok: false, reason: 'malformed-header' });
  }
  expect(asked).toEqual([]);
});

it('signs only with private keys', async () => {
  const { request, settings = {} } = sampleOf(googlePubsub);
  const signed = signRequest(googlePubsub, { ...request, secret: privatePem(rsaKeys), settings, nowMs });
  await expect(signed).resolves.toBeDefined();
  const wrong = signRequest(googlePubsub, { ...request, secret: '-', settings, nowMs });
  await expect(wrong).rejects.toThrow('private key');
});
