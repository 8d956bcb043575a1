// What a signature scheme can say: kinds of secrets, lists of signatures, parts of an id, other ways to write a time.
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readInstant } from '../../src/provider/instant.ts';
import type { Field, Provider, SignatureScheme, TimeUnit } from '../../src/provider/provider.ts';
import { readEvents } from '../../src/provider/read-events.ts';
import { signRequest } from '../../src/provider/sign-request.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { standardWebhooks } from '../../src/providers/standard-webhooks.ts';
import { generateEd25519Secret, publicKeyOf } from '../../src/secret.ts';
import { sign } from '../../src/sign.ts';

const body = '{"type":"user.created"}';
const signedAtMs = 1_700_000_000_000;
const signedAtSeconds = 1_700_000_000;
const now = () => signedAtMs;
const hmacSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

function row(scheme: Partial<SignatureScheme>, event: Partial<Provider['event']> = {}): Provider {
  return {
    name: 'row',
    title: 'A row',
    docs: 'https://example.com',
    grade: 'A',
    secret: { name: 'secret', madeBy: 'you' },
    schemes: [
      {
        kind: 'signature',
        algorithm: 'hmac-sha256',
        key: 'text',
        signature: { at: 'header:signature', encoding: 'hex' },
        content: '{body}',
        ...scheme,
      },
    ],
    event: { type: 'body:type', ...event },
    retry: { retries: false },
  };
}

function verify(provider: Provider, headers: Record<string, string>, secrets: string | string[]) {
  return verifyRequest(provider, { headers, body }, { secrets, now });
}

const hexOf = (secret: string, content: string) => createHmac('sha256', secret).update(content).digest('hex');

describe('a secret that is an Ed25519 key', async () => {
  const privateKey = await generateEd25519Secret();
  const publicKey = await publicKeyOf(privateKey);
  const stranger = await publicKeyOf(await generateEd25519Secret());
  const signedBy = (...secrets: string[]) => sign({ id: 'msg_1', timestamp: signedAtSeconds, body, secrets });

  it('verifies what our own signer signed, and the other way round', async () => {
    expect(await verify(standardWebhooks, await signedBy(privateKey), publicKey)).toMatchObject({ ok: true });
    const draft = await signRequest(standardWebhooks, { body, secret: privateKey, nowMs: signedAtMs });
    expect(draft.headers['webhook-signature']).toMatch(/^v1a,/);
    expect(await verify(standardWebhooks, { ...draft.headers }, publicKey)).toMatchObject({ ok: true });
  });

  it('is one of several, whichever signatures came', async () => {
    const secrets = [hmacSecret, publicKey];
    expect(await verify(standardWebhooks, await signedBy(privateKey), secrets)).toMatchObject({
      ok: true,
      secretIndex: 1,
    });
    expect(await verify(standardWebhooks, await signedBy(hmacSecret), secrets)).toMatchObject({
      ok: true,
      secretIndex: 0,
    });
    expect(await verify(standardWebhooks, await signedBy(privateKey, hmacSecret), publicKey)).toMatchObject({
      ok: true,
    });
  });

  it('takes no MAC for its signature, and no signature of another key', async () => {
    const verdict = await verify(standardWebhooks, await signedBy(hmacSecret), publicKey);
    expect(verdict).toMatchObject({ ok: false, reason: 'malformed-header' });
    expect(await verify(standardWebhooks, await signedBy(privateKey), [hmacSecret, stranger])).toMatchObject({
      ok: false,
      reason: 'mismatch',
    });
  });

  it('is the right half of the pair, or the mistake is named without the key', async () => {
    const verdict = await verify(standardWebhooks, await signedBy(privateKey), privateKey);
    expect(verdict).toMatchObject({ ok: false, reason: 'misconfigured' });
    expect(JSON.stringify(verdict)).not.toContain(privateKey.slice(5, 20));
    await expect(signRequest(standardWebhooks, { body, secret: publicKey })).rejects.toThrow('whsk_');
    await expect(signRequest(standardWebhooks, { body, secret: 'whsk_AAAA' })).rejects.toThrow('whsk_');
  });
});

describe('several secrets', () => {
  const provider = row({ key: { base64After: ['v1,whsec_', 'whsec_'] } });
  const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
  const headers = { signature: createHmac('sha256', key).update(body).digest('hex') };

  it('may have either of their prefixes, or none', async () => {
    for (const prefix of ['v1,', '']) {
      expect(await verify(provider, headers, prefix + hmacSecret)).toMatchObject({ ok: true });
    }
    expect(await verify(provider, headers, hmacSecret.slice(6))).toMatchObject({ ok: true });
  });

  it('are tried though one of them is written wrong', async () => {
    expect(await verify(provider, headers, ['no base64', hmacSecret])).toMatchObject({
      ok: true,
      secretIndex: 1,
    });
    const other = { signature: hexOf('other', body) };
    for (const secrets of [
      ['no base64', hmacSecret],
      [hmacSecret, 'no base64'],
    ]) {
      expect(await verify(provider, other, secrets)).toMatchObject({ ok: false, reason: 'mismatch' });
    }
    expect(await verify(provider, other, 'no base64')).toMatchObject({ reason: 'misconfigured' });
  });
});

describe('lists of signatures', () => {
  it('holds two sets parted by a blank', async () => {
    const provider = row({
      signature: {
        at: 'header:signature',
        separator: [',', ' '],
        pairs: { separator: '=', take: 'v1' },
        encoding: 'hex',
      },
      content: '{timestamp}.{body}',
      timestamp: { at: 'pair:t', unit: 'seconds', toleranceSeconds: 300 },
    });
    const set = (secret: string) => `t=${signedAtSeconds}, v1=${hexOf(secret, `${signedAtSeconds}.${body}`)}`;
    const headers = { signature: `${set('old')}  ${set('new')}` };
    for (const secret of ['old', 'new']) {
      expect(await verify(provider, headers, secret)).toMatchObject({ ok: true, timestamp: signedAtSeconds });
    }
    expect(await verify(provider, headers, 'other')).toMatchObject({ ok: false, reason: 'mismatch' });
    const draft = await signRequest(provider, { body, secret: 'new', nowMs: signedAtMs });
    expect(draft.headers['signature']).toBe(set('new').replace(' ', ''));
  });

  it('stands behind a time without a key', async () => {
    const provider = row({
      signature: { at: 'header:signature', separator: ',', leading: ['t'], encoding: 'hex' },
      content: '{timestamp}.{body}',
      timestamp: { at: 'pair:t', unit: 'milliseconds', toleranceSeconds: 300 },
    });
    const [older, newer] = ['old', 'new'].map((secret) => hexOf(secret, `${signedAtMs}.${body}`));
    const headers = { signature: [signedAtMs, older, newer].join(',') };
    for (const secret of ['old', 'new']) {
      expect(await verify(provider, headers, secret)).toMatchObject({ ok: true, timestamp: signedAtSeconds });
    }
    for (const signature of [String(signedAtMs), older ?? '', `${older},${signedAtMs}`]) {
      expect((await verify(provider, { signature }, 'old')).ok).toBe(false);
    }
    const draft = await signRequest(provider, { body, secret: 'new', nowMs: signedAtMs });
    expect(draft.headers['signature']).toBe(`${signedAtMs},${newer}`);
  });
});

describe('fields', () => {
  const typeOf = (type: Field, payload: unknown) =>
    readEvents(row({}, { type }), { headers: {}, body: JSON.stringify(payload) })[0]?.type;

  it('are joined from what is there, or only when all is there', () => {
    const all = ['body:a', 'body:b'] as const;
    expect(typeOf({ all, join: '.' }, { a: 'x' })).toBe('x');
    expect(typeOf({ all, join: '.', complete: true }, { a: 'x' })).toBe('unknown');
    expect(typeOf({ all, join: '.', complete: true }, { a: 'x', b: 'y' })).toBe('x.y');
  });
});

describe('times', () => {
  it.each<[string, TimeUnit, number | undefined]>([
    ['1700000000', 'unix', 1_700_000_000],
    ['1700000000123', 'unix', 1_700_000_000.123],
    ['1700000000.25', 'unix', 1_700_000_000.25],
    ['1700000000.25', 'seconds', 1_700_000_000.25],
    ['1700000000.25', 'milliseconds', undefined],
    ['1e9', 'unix', undefined],
    ['-1', 'unix', undefined],
    ['2023-11-14T22:13:20', 'rfc3339', 1_700_000_000],
    ['2023-11-14 22:13:20.5', 'rfc3339', 1_700_000_000.5],
    ['2023-11-14T23:13:20+0100', 'rfc3339', 1_700_000_000],
    ['2023-11-14T23:13:20+01:00', 'rfc3339', 1_700_000_000],
    ['2023-11-14T22:13:20.634234626Z', 'rfc3339', 1_700_000_000.634],
    ['2023-11-14T22:13', 'rfc3339', undefined],
    ['2023-13-14T22:13:20', 'rfc3339', undefined],
    ['Tue, 14 Nov 2023 22:13:20 GMT', 'http-date', 1_700_000_000],
    ['2023-11-14T22:13:20Z', 'http-date', undefined],
  ])('%s in %s is %s', (text, unit, seconds) => {
    expect(readInstant(text, unit)).toBe(seconds);
  });
});
