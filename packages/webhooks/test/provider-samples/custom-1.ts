// Providers that sign a canonical request: the URL, form fields, chosen headers or fields of the body.
import assert from 'node:assert/strict';
import { createHash, createHmac, createSign } from 'node:crypto';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import { adyenPayments } from '../../src/providers/adyen-payments.ts';
import { adyenPlatform } from '../../src/providers/adyen-platform.ts';
import { braintree } from '../../src/providers/braintree.ts';
import { contentful } from '../../src/providers/contentful.ts';
import { mailgun } from '../../src/providers/mailgun.ts';
import { mandrill } from '../../src/providers/mandrill.ts';
import { paddleClassic } from '../../src/providers/paddle-classic.ts';
import { plivo } from '../../src/providers/plivo.ts';
import { square } from '../../src/providers/square.ts';
import { twilio } from '../../src/providers/twilio.ts';
import { privatePem, publicPem, rsaKeys } from '../support/provider-keys.ts';
import type { ProviderSample } from '../support/provider-sample.ts';

const formHeaders = { 'Content-Type': 'application/x-www-form-urlencoded' };
const textOf = (body: Uint8Array) => Buffer.from(body).toString();
const sortedPairs = (body: Uint8Array) =>
  [...new URLSearchParams(textOf(body))].sort(([left], [right]) => (left < right ? -1 : 1));

const mandrillEvents = [
  {
    event: 'hard_bounce',
    _id: 'exampleaaaaaaaaaaaaaaaaaaaaaaaaa',
    msg: { email: 'example.webhook@mandrillapp.com', state: 'bounced' },
    ts: 1_700_000_000,
  },
  { event: 'open', _id: 'exampleaaaaaaaaaaaaaaaaaaaaaaaab', ts: 1_700_000_001 },
];

const adyenItem = {
  pspReference: '7914073381342284',
  originalReference: '',
  merchantAccountCode: 'TestMerchant',
  merchantReference: 'TestPayment-1407325143704',
  amount: { value: 1130, currency: 'EUR' },
  eventCode: 'AUTHORISATION',
  eventDate: '2019-05-06T17:15:34.121+02:00',
  success: 'true',
  additionalData: { hmacSignature: '' },
};

const braintreePayload = Buffer.from(
  '<notification><kind>subscription_canceled</kind><timestamp type="datetime">2023-11-14T22:13:20Z</timestamp>' +
    '<subject><subscription><id>sub_1</id></subscription></subject></notification>',
).toString('base64');

export const samples: readonly ProviderSample[] = [
  {
    provider: twilio,
    evidence: 'vector',
    secret: '2f9a3c8b1e6d4f70a5b2c9d8e7f60123',
    request: {
      url: 'https://hooks.example.com/sms?tenant=7',
      body: 'MessageSid=SM0123456789abcdef&MessageStatus=delivered&To=14155550100&From=14155550199&AccountSid=AC0123',
      headers: { ...formHeaders, 'I-Twilio-Idempotency-Token': '7a3b8c1e-0d7c-4b1a-9c4c-55d2b8e0f6aa' },
    },
    events: [
      {
        type: 'message.delivered',
        id: '7a3b8c1e-0d7c-4b1a-9c4c-55d2b8e0f6aa',
        orderKey: 'SM0123456789abcdef',
      },
    ],
    oracle: ({ url, body }, secret) => ({
      'x-twilio-signature': getExpectedTwilioSignature(
        secret,
        url,
        Object.fromEntries(new URLSearchParams(textOf(body))),
      ),
    }),
  },
  {
    provider: mandrill,
    evidence: 'others',
    secret: 'gplJVwWc9rIVZrQJ8cVVPQ',
    request: {
      url: 'https://hooks.example.com/mandrill',
      body: `mandrill_events=${encodeURIComponent(JSON.stringify(mandrillEvents))}`,
      headers: formHeaders,
    },
    events: [
      {
        type: 'hard_bounce',
        id: 'exampleaaaaaaaaaaaaaaaaaaaaaaaaa:hard_bounce:1700000000',
        timeSeconds: 1_700_000_000,
        orderKey: 'exampleaaaaaaaaaaaaaaaaaaaaaaaaa',
      },
      {
        type: 'open',
        id: 'exampleaaaaaaaaaaaaaaaaaaaaaaaab:open:1700000001',
        timeSeconds: 1_700_000_001,
        orderKey: 'exampleaaaaaaaaaaaaaaaaaaaaaaaab',
      },
    ],
    oracle: ({ url, body }, secret) => ({
      'x-mandrill-signature': createHmac('sha1', secret)
        .update(url + sortedPairs(body).flat().join(''))
        .digest('base64'),
    }),
  },
  {
    provider: square,
    evidence: 'vector',
    secret: 'asdf1234ASDF5678qwer',
    request: {
      url: 'https://hooks.example.com/square',
      body: JSON.stringify({
        merchant_id: '6SSW7HV8K2ST5',
        type: 'payment.updated',
        event_id: '13b867cf-db3d-4b1c-90b6-2f32a9d78124',
        created_at: '2020-02-06T21:27:34.308Z',
        data: { type: 'payment', id: 'KkAkhdMsgzn59SM8A89WgKwekxLZY' },
      }),
    },
    events: [
      {
        type: 'payment.updated',
        id: '13b867cf-db3d-4b1c-90b6-2f32a9d78124',
        timeSeconds: 1_581_024_454.308,
        orderKey: 'KkAkhdMsgzn59SM8A89WgKwekxLZY',
      },
    ],
    oracle: ({ url, body }, secret) => ({
      'x-square-hmacsha256-signature': createHmac('sha256', secret)
        .update(url + textOf(body))
        .digest('base64'),
    }),
  },
  {
    provider: plivo,
    evidence: 'vector',
    secret: 'MTAwMjFkYzRlZTY4NDlkZWIyYTk',
    request: {
      url: 'https://hooks.example.com/plivo?b=2&a=1',
      body: 'MessageUUID=0f3c1f7c-2f4e-11ee&Status=sent&To=14155550100',
      headers: { ...formHeaders, 'X-Plivo-Signature-V3-Nonce': '05429567804466091622' },
    },
    events: [{ type: 'message.sent', id: '0f3c1f7c-2f4e-11ee:sent', orderKey: '0f3c1f7c-2f4e-11ee' }],
    oracle: ({ body, headers }, secret) => ({
      'x-plivo-signature-v3': createHmac('sha256', secret)
        .update(
          `https://hooks.example.com/plivo?a=1&b=2.${sortedPairs(body).flat().join('')}.${headers['x-plivo-signature-v3-nonce']}`,
        )
        .digest('base64'),
    }),
  },
  {
    provider: adyenPayments,
    evidence: 'vector',
    secret: '44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056',
    unprotected: ['body'],
    request: {
      body: JSON.stringify({
        live: 'false',
        notificationItems: [{ NotificationRequestItem: adyenItem }],
      }),
    },
    events: [
      {
        type: 'AUTHORISATION',
        id: 'AUTHORISATION:7914073381342284:true',
        timeSeconds: 1_557_155_734.121,
        orderKey: '7914073381342284',
      },
    ],
    oracle({ body }, secret) {
      const signed = JSON.parse(textOf(body)) as {
        notificationItems: { NotificationRequestItem: typeof adyenItem }[];
      };
      const content = '7914073381342284::TestMerchant:TestPayment-1407325143704:1130:EUR:AUTHORISATION:true';
      assert.equal(
        signed.notificationItems[0]?.NotificationRequestItem.additionalData.hmacSignature,
        createHmac('sha256', Buffer.from(secret, 'hex')).update(content).digest('base64'),
      );
      return {};
    },
  },
  {
    provider: adyenPlatform,
    evidence: 'vector',
    secret: 'D7DD5BA6146493707BF0BE7496F6404EC7A63616B7158EC927B9F54BB436765F',
    request: {
      body: JSON.stringify({
        type: 'balancePlatform.accountHolder.updated',
        environment: 'test',
        timestamp: '2024-12-15T15:42:03+01:00',
        data: { id: 'AH00000000000000000000001', sequenceNumber: 4, balancePlatform: 'YOUR_PLATFORM' },
      }),
    },
    events: [
      {
        type: 'balancePlatform.accountHolder.updated',
        id: 'balancePlatform.accountHolder.updated:AH00000000000000000000001:4:2024-12-15T15:42:03+01:00',
        timeSeconds: 1_734_273_723,
        orderKey: 'AH00000000000000000000001',
      },
    ],
    oracle: ({ body }, secret) => ({
      hmacsignature: createHmac('sha256', Buffer.from(secret, 'hex')).update(body).digest('base64'),
    }),
  },
  {
    provider: mailgun,
    evidence: 'vector',
    secret: 'key-3ax6xnjp29jd6fds4gc373sgvjxteol0',
    unprotected: ['body'],
    request: {
      body: JSON.stringify({
        signature: { token: 'a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0' },
        'event-data': {
          event: 'opened',
          timestamp: 1529006854.329574,
          id: 'DACSsAdVSeGpLid7TN03WA',
          message: { headers: { 'message-id': '20130503182626.18666.16540@example.com' } },
        },
      }),
    },
    events: [
      {
        type: 'opened',
        id: 'DACSsAdVSeGpLid7TN03WA',
        timeSeconds: 1529006854.329574,
        orderKey: '20130503182626.18666.16540@example.com',
      },
    ],
    oracle({ body }, secret) {
      const { signature } = JSON.parse(textOf(body)) as { signature: Record<string, string> };
      const content = `${signature['timestamp']}${signature['token']}`;
      assert.equal(signature['timestamp'], '1700000000');
      assert.equal(signature['signature'], createHmac('sha256', secret).update(content).digest('hex'));
      return {};
    },
  },
  {
    provider: contentful,
    evidence: 'sdk',
    secret: 'aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5zA7bC9dE1fG3hI5jK7lM9nO1pQ3r',
    request: {
      url: 'https://hooks.example.com/contentful?site=a&env=b',
      body: JSON.stringify({
        sys: { type: 'Entry', id: '5KsDBWseXY6QegucYAoacS', updatedAt: '2023-11-14T22:13:20Z' },
      }),
      headers: {
        'X-Contentful-Topic': 'ContentManagement.Entry.publish',
        'X-Contentful-Idempotency-Key': '0a1b2c3d4e5f',
        'X-Contentful-Signed-Headers':
          'x-contentful-signed-headers,x-contentful-timestamp,x-contentful-topic',
      },
    },
    events: [
      {
        type: 'ContentManagement.Entry.publish',
        id: '0a1b2c3d4e5f',
        timeSeconds: 1_700_000_000,
        orderKey: '5KsDBWseXY6QegucYAoacS',
      },
    ],
    oracle({ body }, secret) {
      const names = 'x-contentful-signed-headers,x-contentful-timestamp,x-contentful-topic';
      const headers = `x-contentful-signed-headers:${names};x-contentful-timestamp:1700000000000;x-contentful-topic:ContentManagement.Entry.publish`;
      const content = `POST\n/contentful?site%253Da%2526env%253Db\n${headers}\n${textOf(body)}`;
      return { 'x-contentful-signature': createHmac('sha256', secret).update(content).digest('hex') };
    },
  },
  {
    provider: braintree,
    evidence: 'sdk',
    secret: 'integration_private_key',
    settings: { publicKey: 'integration_public_key' },
    request: {
      body: new URLSearchParams({ bt_payload: braintreePayload }).toString(),
      headers: formHeaders,
    },
    events: [{ type: 'subscription_canceled', timeSeconds: 1_700_000_000 }],
    oracle({ body }, secret) {
      const key = createHash('sha1').update(secret).digest();
      const mac = createHmac('sha1', key).update(braintreePayload).digest('hex');
      assert.equal(new URLSearchParams(textOf(body)).get('bt_signature'), `integration_public_key|${mac}`);
      return {};
    },
  },
  {
    provider: paddleClassic,
    evidence: 'document',
    secret: publicPem(rsaKeys),
    signingSecret: privatePem(rsaKeys),
    request: {
      body: 'alert_name=subscription_created&alert_id=1053734009&subscription_id=7&passthrough=Gr%C3%BC%C3%9Fe',
      headers: formHeaders,
    },
    events: [{ type: 'subscription_created', id: '1053734009', orderKey: '7' }],
    oracle({ body }, secret) {
      const content =
        'a:4:{s:8:"alert_id";s:10:"1053734009";s:10:"alert_name";s:20:"subscription_created";' +
        's:11:"passthrough";s:7:"Grüße";s:15:"subscription_id";s:1:"7";}';
      const signature = createSign('sha1').update(content).sign(secret, 'base64');
      assert.equal(new URLSearchParams(textOf(body)).get('p_signature'), signature);
      return {};
    },
  },
];
