// Every official vector of the providers that sign a canonical request, use a public key or a JWT.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import type { Provider } from '../../src/provider/provider.ts';
import { readEvents } from '../../src/provider/read-events.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import type { ReceivedRequest } from '../../src/provider/request.ts';
import { adyenPayments } from '../../src/providers/adyen-payments.ts';
import { bird } from '../../src/providers/bird.ts';
import { braintree } from '../../src/providers/braintree.ts';
import { genericHmac } from '../../src/providers/generic-hmac.ts';
import { mailgun } from '../../src/providers/mailgun.ts';
import { mandrill } from '../../src/providers/mandrill.ts';
import { plivo } from '../../src/providers/plivo.ts';
import { sendgrid } from '../../src/providers/sendgrid.ts';
import { square } from '../../src/providers/square.ts';
import { twilio } from '../../src/providers/twilio.ts';

type Vector = {
  readonly provider: string;
  readonly note?: string;
  readonly secret?: string;
  readonly publicKey?: string;
  readonly method?: string;
  readonly url?: string;
  readonly params?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signingString?: string;
  readonly expected?: string;
  readonly timestamp?: string;
  readonly valid?: boolean;
};

type Notification = { readonly bt_signature: string; readonly bt_payload: string };
type Braintree = {
  readonly BraintreeGateway: new (
    config: object,
  ) => { webhookTesting: { sampleNotification(kind: string, id: string): Promise<Notification> } };
  readonly Environment: { readonly Sandbox: unknown };
  readonly WebhookNotification: { readonly Kind: { readonly SubscriptionCanceled: string } };
};

const require = createRequire(import.meta.url);
const file = new URL('../support/provider-vectors.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as readonly Vector[];
const of = (name: string) => vectors.filter(({ provider }) => provider === name);
const formType = { 'content-type': 'application/x-www-form-urlencoded' };

function requestOf({
  url,
  method,
  body,
  params = {},
  headers = {},
}: Vector): ReceivedRequest & { body: string } {
  const form = new URLSearchParams(
    Object.entries(params).flatMap(([name, value]) =>
      [value].flat().map((each): [string, string] => [name, each]),
    ),
  );
  return {
    headers: { ...(body === undefined ? formType : {}), ...headers },
    body: body ?? form.toString(),
    method: method ?? 'POST',
    ...(url === undefined ? {} : { url }),
  };
}

function verdictOf(provider: Provider, vector: Vector, request = requestOf(vector)) {
  const { secret, publicKey, timestamp } = vector;
  return verifyRequest(provider, request, {
    // The token with the algorithm `none` has no secret; whoever receives it has one.
    secrets: secret ?? publicKey ?? 'a-secret-of-the-receiver',
    ...(timestamp === undefined ? { toleranceSeconds: 'any-age' } : { now: () => Date.parse(timestamp) }),
  });
}

it('knows every vector of these providers', () => {
  const names = [
    'twilio',
    'square',
    'sendgrid',
    'adyen-payments',
    'bird-messagebird',
    'mailgun',
    'plivo',
    'mandrill',
  ];
  expect(names.map((name) => of(name).length)).toEqual([3, 1, 1, 3, 44, 1, 4, 1]);
});

describe('Twilio', () => {
  it.each(of('twilio').map((vector) => [vector.note ?? 'form fields', vector] as const))(
    'accepts its vector: %s',
    async (_note, vector) => {
      expect(await verdictOf(twilio, vector)).toMatchObject({ ok: true });
      const request = requestOf(vector);
      const changed = { ...request, body: `${request.body}x` };
      expect(await verdictOf(twilio, vector, changed)).toMatchObject({ ok: false, reason: 'mismatch' });
      const elsewhere = { ...request, url: `${request.url ?? ''}&baz=1` };
      expect(await verdictOf(twilio, vector, elsewhere)).toMatchObject({ ok: false, reason: 'mismatch' });
    },
  );

  it('reads what was signed with the port, and without it', async () => {
    const [vector] = of('twilio');
    const url = 'https://mycompany.com:443/myapp.php?foo=1&bar=2';
    const request = { ...requestOf(vector as Vector), url };
    expect(await verdictOf(twilio, vector as Vector, request)).toMatchObject({ ok: true });
  });
});

it.each(of('plivo').map((vector) => [vector.note ?? '', vector] as const))(
  'accepts the vector of Plivo: %s',
  async (_note, vector) => {
    expect(await verdictOf(plivo, vector)).toMatchObject({ ok: true });
    const request = requestOf(vector);
    const elsewhere = { ...request, url: (request.url ?? '').replace('validate', 'receive') };
    const other = {
      ...request,
      url: (request.url ?? '').replace('StartApp', 'Hangup'),
      body: request.body.replace('StartApp', 'Hangup'),
    };
    for (const changed of [elsewhere, other]) {
      const verdict = await verdictOf(plivo, vector, changed);
      expect(verdict).toMatchObject({ ok: false, reason: 'mismatch' });
    }
  },
);

it('accepts the vector of Square, for its own URL and body', async () => {
  const [vector] = of('square') as [Vector];
  expect(await verdictOf(square, vector)).toMatchObject({ ok: true });
  const request = requestOf(vector);
  for (const changed of [{ url: 'https://example.com/webhook/' }, { body: '{"hello":"World"}' }]) {
    const verdict = await verdictOf(square, vector, { ...request, ...changed });
    expect(verdict).toMatchObject({ ok: false, reason: 'mismatch' });
  }
});

it("accepts and reads what Braintree's own library makes", async () => {
  const { BraintreeGateway, Environment, WebhookNotification } = require('braintree') as Braintree;
  const gateway = new BraintreeGateway({
    environment: Environment.Sandbox,
    merchantId: 'merchant',
    publicKey: 'public',
    privateKey: 'private',
  });
  const kind = WebhookNotification.Kind.SubscriptionCanceled;
  const form = { ...(await gateway.webhookTesting.sampleNotification(kind, 'id')) };
  const requestWith = (fields: Readonly<Record<string, string>>): ReceivedRequest => ({
    headers: formType,
    body: new URLSearchParams(fields).toString(),
  });
  const options = { secrets: 'private', settings: { publicKey: 'public' } };
  expect(await verifyRequest(braintree, requestWith(form), options)).toMatchObject({ ok: true });
  expect(readEvents(braintree, requestWith(form))).toMatchObject([{ type: 'subscription_canceled' }]);
  const other = await gateway.webhookTesting.sampleNotification(kind, 'other');
  const mixed = requestWith({ ...form, bt_payload: other.bt_payload });
  expect(await verifyRequest(braintree, mixed, options)).toMatchObject({ reason: 'mismatch' });
  const stranger = { ...options, settings: { publicKey: 'stranger' } };
  expect(await verifyRequest(braintree, requestWith(form), stranger)).toMatchObject({
    reason: 'unknown-key',
  });
});

it('accepts the vector of SendGrid, and not without the line break at its end', async () => {
  const [vector] = of('sendgrid') as [Vector];
  expect(await verdictOf(sendgrid, vector)).toMatchObject({ ok: true, timestamp: 1_600_112_502 });
  const trimmed = { ...requestOf(vector), body: (vector.body ?? '').trim() };
  expect(await verdictOf(sendgrid, vector, trimmed)).toMatchObject({ ok: false, reason: 'mismatch' });
});

it('accepts a request that Mandrill once sent, for its own URL and fields', async () => {
  const [vector] = of('mandrill') as [Vector];
  const request = requestOf(vector);
  // As many bytes as the request had.
  expect(request.body).toHaveLength(4_091);
  expect(await verdictOf(mandrill, vector)).toMatchObject({ ok: true });
  expect(readEvents(mandrill, request)).toMatchObject([{ type: 'click' }, { type: 'click' }]);
  for (const changed of [
    { url: 'http://requestb.in/other' },
    { body: request.body.replace('click', 'open') },
  ]) {
    const verdict = await verdictOf(mandrill, vector, { ...request, ...changed });
    expect(verdict).toMatchObject({ ok: false, reason: 'mismatch' });
  }
});

it('accepts the vector of Mailgun as a form and in JSON, and not with another token', async () => {
  const [vector] = of('mailgun') as [Vector];
  const inJson = (params: Vector['params']) => ({ headers: {}, body: JSON.stringify({ signature: params }) });
  expect(await verdictOf(mailgun, vector)).toMatchObject({ ok: true, timestamp: 1_403_645_220 });
  expect(await verdictOf(mailgun, vector, inJson(vector.params))).toMatchObject({ ok: true });
  const other = { ...vector.params, token: 'owyldpe6nxhmrn78epljl6bj0orrki1u3d2v5e6cnlmmuox8jr' };
  for (const request of [requestOf({ ...vector, params: other }), inJson(other)]) {
    expect(await verdictOf(mailgun, vector, request)).toMatchObject({ ok: false, reason: 'mismatch' });
  }
});

describe('Adyen', () => {
  it.each(of('adyen-payments'))('accepts $signingString', async (vector) => {
    const [pspReference, originalReference, account, reference, value, currency, eventCode, success] = (
      vector.signingString ?? ''
    ).split(':');
    const item = {
      pspReference,
      originalReference,
      merchantAccountCode: account,
      merchantReference: reference,
      amount: { value: Number(value), currency },
      eventCode,
      success,
      additionalData: { hmacSignature: vector.expected },
    };
    const body = JSON.stringify({ notificationItems: [{ NotificationRequestItem: item }] });
    const request = { headers: {}, body: vector.body ?? body };
    expect(await verdictOf(adyenPayments, vector, request)).toMatchObject({ ok: true });
    expect(await verdictOf(adyenPayments, vector, { headers: {}, body })).toMatchObject({ ok: true });
    const other = { headers: {}, body: body.replace('"EUR"', '"USD"') };
    expect(await verdictOf(adyenPayments, vector, other)).toMatchObject({ ok: false, reason: 'mismatch' });
  });
});

describe('MessageBird', () => {
  it.each(of('bird-messagebird'))('$note: $valid', async (vector) => {
    expect((await verdictOf(bird, vector)).ok).toBe(vector.valid);
  });

  it('has cases for both answers', () => {
    const valid = of('bird-messagebird').filter((vector) => vector.valid).length;
    expect(valid).toBeGreaterThan(10);
    expect(valid).toBeLessThan(44);
  });
});

// The tests of adnanh/webhook (internal/hook/hook_test.go), whose hooks this row takes over.
const sha256 = 'f417af3a21bd70379b5796d5f013915e7029f62c580fb0f500f59a35a6f04c89';
const sha512 =
  '4ab17cc8ec668ead8bf498f87f8f32848c04d5ca3c9bcfcd3db9363f0deb44e580b329502a7fdff633d4d8fca301cc5c94a55a2fec458c675fb0ff2655898324';
// No hexadecimal digits at its start, as in theirs.
const spoiled = `zzz${sha256.slice(3)}`;
it.each([
  ['sha1', 'b17e04cbb22afa8ffbff8796fc1894ed27badd9e', true],
  ['sha1', 'sha1=b17e04cbb22afa8ffbff8796fc1894ed27badd9e', true],
  ['sha1', 'zzze04cbb22afa8ffbff8796fc1894ed27badd9e', false],
  ['sha256', sha256, true],
  ['sha256', `sha256=${sha256}`, true],
  ['sha256', `sha256=${spoiled},sha256=${sha256}`, true],
  ['sha256', `sha256=${spoiled},sha256=${spoiled}`, false],
  ['sha512', sha512, true],
  ['sha512', `sha512=${sha512}`, true],
])('judges a hook of adnanh/webhook as it does: %s, %s', async (algorithm, signature, isGood) => {
  const request = { headers: { 'X-Signature': signature }, body: '{"a": "z"}' };
  const settings = { header: 'X-Signature', algorithm };
  expect((await verifyRequest(genericHmac, request, { secrets: 'secret', settings })).ok).toBe(isGood);
  expect((await verifyRequest(genericHmac, request, { secrets: 'secreX', settings })).ok).toBe(false);
});
