// Signatures of the raw body that providers have published, or other libraries; and what their headers may hold besides.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { providers } from '../../src/providers/all.ts';

type Vector = {
  readonly provider: string;
  readonly secret: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly source: string;
};

const names = [
  'adyen-platform',
  'airtable',
  'authorize-net',
  'bitbucket',
  'circleci',
  'coinbase-commerce',
  'dropbox-sign',
  'easypost',
  'github',
  'gocardless',
  'gogs',
  'jira',
  'line',
  'modern-treasury',
  'notion',
  'nylas',
  'pagerduty',
  'pusher',
  'quickbooks',
  'razorpay',
  'shopify',
];
const file = new URL('../support/provider-vectors.json', import.meta.url);
const vectors = (JSON.parse(readFileSync(file, 'utf8')) as Vector[]).filter(({ provider }) =>
  names.includes(provider),
);

function rowOf(name: string) {
  const provider = providers.get(name);
  if (provider === undefined) throw new Error(`there is no provider ${name}`);
  return provider;
}

function verify(name: string, headers: Record<string, string | string[]>, body: string, secrets: string[]) {
  return verifyRequest(rowOf(name), { method: 'POST', headers, body }, { secrets });
}

function hex(secret: string, body: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

function base64(secret: string, body: string): string {
  return createHmac('sha256', secret).update(body).digest('base64');
}

it('has a vector for each of these providers', () => {
  expect([...new Set(vectors.map(({ provider }) => provider))].sort()).toEqual(names);
});

describe.each(vectors)('$provider: $source', ({ provider, secret, headers, body }) => {
  it('accepts what was published', async () => {
    expect(await verify(provider, headers, body, [secret])).toEqual({ ok: true, secretIndex: 0 });
  });

  it('refuses it with one character changed', async () => {
    const index = Math.floor(body.length / 2);
    // Dropbox Sign's hash covers the time and the type of the event.
    const changed =
      provider === 'dropbox-sign'
        ? body.replace('1669926463', '1669926464')
        : body.slice(0, index) + (body[index] === 'x' ? 'y' : 'x') + body.slice(index + 1);
    expect(changed).not.toBe(body);
    expect(await verify(provider, headers, changed, [secret])).toMatchObject({
      ok: false,
      reason: 'mismatch',
    });
  });

  it('refuses it with another secret', async () => {
    // Still a key where keys are hexadecimal.
    const other = (secret.startsWith('A') ? 'B' : 'A') + secret.slice(1);
    expect(await verify(provider, headers, body, [other])).toMatchObject({ ok: false, reason: 'mismatch' });
  });
});

it('takes any of the signatures of PagerDuty, and no other version', async () => {
  const good = hex('new', '{}');
  const bad = hex('old', '{}');
  const with_ = (value: string) => verify('pagerduty', { 'x-pagerduty-signature': value }, '{}', ['new']);
  expect(await with_(`v1=${bad},v1=${good}`)).toMatchObject({ ok: true });
  expect(await with_(`v2=${good},v1=${bad}`)).toMatchObject({ ok: false, reason: 'mismatch' });
  expect(await with_(`v0=${good}`)).toMatchObject({ ok: false, reason: 'malformed-header' });
});

it('takes either of the two headers that Mollie sends while a secret rotates', async () => {
  const signatures = [`sha256=${hex('old', '{}')}`, `sha256=${hex('new', '{}')}`];
  for (const value of [signatures, signatures.join(', ')]) {
    expect(await verify('mollie', { 'X-Mollie-Signature': value }, '{}', ['new'])).toMatchObject({
      ok: true,
    });
    expect(await verify('mollie', { 'X-Mollie-Signature': value }, '{}', ['else'])).toMatchObject({
      ok: false,
      reason: 'mismatch',
    });
  }
});

it('takes any of the numbered headers of DocuSign', async () => {
  const signed = {
    'X-DocuSign-Signature-1': base64('other', '{}'),
    'X-DocuSign-Signature-37': base64('key', '{}'),
  };
  expect(await verify('docusign', signed, '{}', ['key'])).toMatchObject({ ok: true });
  expect(await verify('docusign', signed, '{ }', ['key'])).toMatchObject({ ok: false, reason: 'mismatch' });
});

it('takes the newer name of the header of Shopify', async () => {
  const signed = { 'Shopify-Hmac-Sha256': base64('key', '{}') };
  expect(await verify('shopify', signed, '{}', ['key'])).toMatchObject({ ok: true });
});

it('takes the secret hash that version 3 of Flutterwave sends along', async () => {
  expect(await verify('flutterwave', { 'verif-hash': 'a hash' }, '{}', ['a hash'])).toMatchObject({
    ok: true,
  });
  expect(await verify('flutterwave', { 'verif-hash': 'a hasH' }, '{}', ['a hash'])).toMatchObject({
    ok: false,
    reason: 'mismatch',
  });
  // A signature that is there must be right.
  const both = { 'verif-hash': 'a hash', 'flutterwave-signature': base64('else', '{}') };
  expect(await verify('flutterwave', both, '{}', ['a hash'])).toMatchObject({
    ok: false,
    reason: 'mismatch',
  });
});

it('does not let the other signatures of a forge stand in for its own', async () => {
  const good = hex('key', '{}');
  const signed = {
    'X-Gitea-Signature': hex('else', '{}'),
    'X-Gogs-Signature': good,
    'X-Hub-Signature-256': `sha256=${good}`,
  };
  expect(await verify('gitea', signed, '{}', ['key'])).toMatchObject({ ok: false, reason: 'mismatch' });
  expect(await verify('forgejo', signed, '{}', ['key'])).toMatchObject({
    ok: false,
    reason: 'missing-header',
  });
  expect(await verify('gogs', signed, '{}', ['key'])).toMatchObject({ ok: true });
});

it('refuses what Cal.com sends without a secret', async () => {
  const headers = { 'X-Cal-Signature-256': 'no-secret-provided' };
  expect(await verify('cal-com', headers, '{}', ['key'])).toMatchObject({
    ok: false,
    reason: 'malformed-header',
  });
});

it('says which secret of a custom scheme cannot be a key', async () => {
  const body = '{"event":{"event_type":"a","event_time":"1","event_hash":"00"}}';
  expect(await verify('dropbox-sign', {}, body, ['x'.repeat(20_000)])).toMatchObject({
    ok: false,
    reason: 'misconfigured',
  });
});

it.each(['strava', 'mollie-classic'])('lets %s pass only when it may come unsigned', async (name) => {
  const received = { headers: {}, body: 'id=tr_1' };
  expect(await verifyRequest(rowOf(name), received, { secrets: [] })).toMatchObject({
    ok: false,
    reason: 'misconfigured',
  });
  expect(await verifyRequest(rowOf(name), received, { secrets: [], allowUnsigned: true })).toMatchObject({
    ok: true,
  });
});
