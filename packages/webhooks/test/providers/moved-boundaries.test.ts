// What is signed can be read in one way only: nobody who has seen a signed request can part it otherwise.
import { createHash, createHmac, createSign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Provider } from '../../src/provider/provider.ts';
import type { ReceivedRequest } from '../../src/provider/request.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { adyenPayments } from '../../src/providers/adyen-payments.ts';
import { awsSns } from '../../src/providers/aws-sns.ts';
import { fusionauth } from '../../src/providers/fusionauth.ts';
import { github } from '../../src/providers/github.ts';
import { hubspotV1 } from '../../src/providers/hubspot-v1.ts';
import { shopify } from '../../src/providers/shopify.ts';
import { sinch } from '../../src/providers/sinch.ts';
import { zoom } from '../../src/providers/zoom.ts';
import { certificateOf, publicPem, rsaKeys } from '../support/provider-keys.ts';

const nowMs = 1_700_000_000_000;
const nowSeconds = String(nowMs / 1_000);
const secret = 'a secret of the source';
const mac = (content: string | Uint8Array, key: string | Uint8Array = secret) =>
  createHmac('sha256', key).update(content);

function judged(
  provider: Provider,
  request: ReceivedRequest,
  settings: Readonly<Record<string, string>> = {},
  secrets = secret,
) {
  return verifyRequest(provider, request, {
    secrets,
    settings,
    now: () => nowMs,
    fetchText: async () => certificateOf(rsaKeys),
  });
}

describe('a message of SNS', () => {
  const topicArn = 'arn:aws:sns:us-west-2:123456789012:Topic';
  const lines = (fields: Readonly<Record<string, string>>) =>
    Object.entries(fields)
      .map(([name, value]) => `${name}\n${value}\n`)
      .join('');
  const rest = { Timestamp: '2023-11-14T22:13:20.000Z', TopicArn: topicArn, Type: 'Notification' };
  const original = { Message: 'pay 10\nMessageId\nnothing more', MessageId: 'real', ...rest };
  const message = (fields: object) => ({
    headers: {},
    body: JSON.stringify({
      ...fields,
      SignatureVersion: '2',
      SigningCertURL: 'https://sns.us-west-2.amazonaws.com/SimpleNotificationService-x.pem',
      Signature: createSign('sha256').update(lines(original)).sign(rsaKeys.privateKey, 'base64'),
    }),
  });

  it('keeps all of its lines', async () => {
    expect(await judged(awsSns, message(original), { topicArn })).toMatchObject({ ok: true });
    const moved = { Message: 'pay 10', MessageId: 'nothing more\nMessageId\nreal', ...rest };
    expect(lines(moved)).toBe(lines(original));
    expect(await judged(awsSns, message(moved), { topicArn })).toMatchObject({ ok: false });
  });
});

describe('an item of Adyen', () => {
  const key = 'ab'.repeat(32);
  const signature = mac('psp::Shop:7:8:100:EUR:AUTHORISATION:true', Buffer.from(key, 'hex')).digest('base64');
  const common = { pspReference: 'psp', eventCode: 'AUTHORISATION', success: 'true' };
  const amount = { value: 100, currency: 'EUR' };
  const bodyOf = (fields: object) =>
    JSON.stringify({
      notificationItems: [
        { NotificationRequestItem: { ...fields, additionalData: { hmacSignature: signature } } },
      ],
    });

  it('keeps its account and its reference', async () => {
    const original = { ...common, amount, merchantAccountCode: 'Shop', merchantReference: '7:8' };
    const good = { headers: {}, body: bodyOf(original) };
    expect(await judged(adyenPayments, good, {}, key)).toMatchObject({ ok: true });
    const moved = { ...original, merchantAccountCode: 'Shop:7', merchantReference: '8' };
    const bad = { headers: {}, body: bodyOf(moved) };
    expect(await judged(adyenPayments, bad, {}, key)).toMatchObject({ ok: false });
  });
});

describe('a callback of Sinch', () => {
  const original = '{"a":"b"} .tail';
  const signature = mac(`${original}.nonce.${nowSeconds}`).digest('base64');
  const request = (body: string, nonce: string) => ({
    body,
    headers: {
      'x-sinch-webhook-signature': signature,
      'x-sinch-webhook-signature-nonce': nonce,
      'x-sinch-webhook-signature-timestamp': nowSeconds,
    },
  });

  it('is not cut at a full stop', async () => {
    expect(await judged(sinch, request(original, 'nonce'))).toMatchObject({ ok: true });
    const cut = request('{"a":"b"} ', 'tail.nonce');
    expect(await judged(sinch, cut)).toMatchObject({ ok: false, reason: 'malformed-header' });
  });
});

describe('a plain hash of HubSpot', () => {
  it('is not carried on behind what is no text', async () => {
    const hashed = (body: Buffer) => ({
      body: new Uint8Array(body),
      headers: { 'x-hubspot-signature': createHash('sha256').update(secret).update(body).digest('hex') },
    });
    expect(await judged(hubspotV1, hashed(Buffer.from('[]')))).toMatchObject({ ok: true });
    // The padding of SHA-256, behind which the hash goes on.
    const longer = Buffer.concat([Buffer.from('[]'), Buffer.from([0x80, 0, 0, 0]), Buffer.from('[1]')]);
    expect(await judged(hubspotV1, hashed(longer))).toMatchObject({ ok: false, reason: 'mismatch' });
  });
});

describe("FusionAuth's public key", () => {
  it('is no key of an HMAC when it is in base64 once more', async () => {
    for (const text of [publicPem(rsaKeys), JSON.stringify(rsaKeys.publicKey.export({ format: 'jwk' }))]) {
      const known = Buffer.from(text).toString('base64');
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const head = `${part({ alg: 'HS256' })}.${part({
        request_body_sha256: createHash('sha256').update('{}').digest('base64'),
      })}`;
      const token = `${head}.${mac(head, known).digest('base64url')}`;
      const request = { body: '{}', headers: { 'x-fusionauth-signature-jwt': token } };
      expect(await judged(fusionauth, request, {}, known)).toMatchObject({ ok: false });
    }
  });
});

describe('a header that came twice', () => {
  it('counts in a record as it does in Fetch', async () => {
    const body = '{"event":"meeting.started"}';
    const signature = `v0=${mac(`v0:${nowSeconds}:${body}`).digest('hex')}`;
    const pairs: [string, string][] = [
      ['x-zm-signature', signature],
      ['x-zm-request-timestamp', nowSeconds],
      ['x-zm-request-timestamp', '1'],
    ];
    const record = { 'x-zm-signature': signature, 'x-zm-request-timestamp': [nowSeconds, '1'] };
    const inTwoCases = {
      'x-zm-signature': signature,
      'x-zm-request-timestamp': nowSeconds,
      'X-Zm-Request-Timestamp': '1',
    };
    for (const headers of [new Headers(pairs), record, inTwoCases]) {
      expect(await judged(zoom, { headers, body })).toMatchObject({ ok: false, reason: 'malformed-header' });
    }
  });

  it('may still bring several signatures', async () => {
    const good = `sha256=${mac('{}').digest('hex')}`;
    const twice = { 'x-hub-signature-256': ['sha256=00', good] };
    expect(await judged(github, { headers: twice, body: '{}' })).toMatchObject({ ok: true });
    const names = {
      'x-shopify-hmac-sha256': mac('other').digest('base64'),
      'shopify-hmac-sha256': mac('{}').digest('base64'),
    };
    expect(await judged(shopify, { headers: names, body: '{}' })).toMatchObject({ ok: true });
  });
});
