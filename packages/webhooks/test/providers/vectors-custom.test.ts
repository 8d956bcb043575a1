// Every official vector of the providers that sign a canonical request, use a public key or a JWT.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Provider } from '../../src/provider/provider.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import type { ReceivedRequest } from '../../src/provider/request.ts';
import { adyenPayments } from '../../src/providers/adyen-payments.ts';
import { bird } from '../../src/providers/bird.ts';
import { sendgrid } from '../../src/providers/sendgrid.ts';
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
  const counts = ['twilio', 'sendgrid', 'adyen-payments', 'bird-messagebird'].map((name) => of(name).length);
  expect(counts).toEqual([3, 1, 2, 44]);
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

it('accepts the vector of SendGrid, and not without the line break at its end', async () => {
  const [vector] = of('sendgrid') as [Vector];
  expect(await verdictOf(sendgrid, vector)).toMatchObject({ ok: true, timestamp: 1_600_112_502 });
  const trimmed = { ...requestOf(vector), body: (vector.body ?? '').trim() };
  expect(await verdictOf(sendgrid, vector, trimmed)).toMatchObject({ ok: false, reason: 'mismatch' });
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
