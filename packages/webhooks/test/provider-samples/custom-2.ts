// More providers that sign a canonical request, and those that sign with a key that everyone may know.
import assert from 'node:assert/strict';
import { createHash, createHmac, createSign, sign } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { verifyWebhookSignature } from '@hygraph/utils';
import { EventWebhook } from '@sendgrid/eventwebhook';
import { verifyKey } from 'discord-interactions';
import { awsSns } from '../../src/providers/aws-sns.ts';
import { discord } from '../../src/providers/discord.ts';
import { dropboxSign } from '../../src/providers/dropbox-sign.ts';
import { falAi } from '../../src/providers/fal-ai.ts';
import { hygraph } from '../../src/providers/hygraph.ts';
import { pandadoc } from '../../src/providers/pandadoc.ts';
import { paypal } from '../../src/providers/paypal.ts';
import { sendgrid } from '../../src/providers/sendgrid.ts';
import { surveyMonkey } from '../../src/providers/survey-monkey.ts';
import { telnyx } from '../../src/providers/telnyx.ts';
import {
  certificateOf,
  ecKeys,
  ed25519Keys,
  jwkOf,
  privatePem,
  publicDer,
  publicPem,
  rawPublicKey,
  rsaKeys,
} from '../support/provider-keys.ts';
import type { ProviderSample } from '../support/provider-sample.ts';

const textOf = (body: Uint8Array) => Buffer.from(body).toString();

const signEvent = {
  event: {
    event_time: '1348177752',
    event_type: 'signature_request_signed',
    event_hash: '',
    event_metadata: { reported_for_account_id: '63522885f9261e2b04eea043933ee7313eb674fd' },
  },
  signature_request: { signature_request_id: 'fa5c8a0b0f492d768749333ad6fcc214c111e967', title: 'NDA' },
};
const multipart = [
  '--xYzZY',
  'Content-Disposition: form-data; name="json"',
  '',
  JSON.stringify(signEvent),
  '--xYzZY--',
  '',
].join('\r\n');

const topicArn = 'arn:aws:sns:us-west-2:123456789012:MyTopic';
const snsCertificate =
  'https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem';
const snsMessage = {
  Type: 'Notification',
  MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
  TopicArn: topicArn,
  Subject: 'My First Message',
  Message: 'Hello world!',
  Timestamp: '2023-11-14T22:13:20.000Z',
  SignatureVersion: '2',
  SigningCertURL: snsCertificate,
};
const paypalEvent = {
  id: 'WH-7Y7254563A4550640-11V2185806837105M',
  create_time: '2023-11-14T22:13:20.000Z',
  resource_type: 'sale',
  event_type: 'PAYMENT.SALE.COMPLETED',
  resource: { id: '80021663DE681814L', state: 'completed', amount: { total: '0.48', currency: 'USD' } },
};
const paypalCertificate = 'https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77';

export const samples: readonly ProviderSample[] = [
  {
    provider: dropboxSign,
    evidence: 'document',
    secret: '83e5f6d0ccb0d0c2bcfad6f1a9d1a6ce3b2a1b6c',
    unprotected: ['body'],
    request: { body: multipart, headers: { 'Content-Type': 'multipart/form-data; boundary=xYzZY' } },
    events: [
      {
        type: 'signature_request_signed',
        timeSeconds: 1_348_177_752,
        orderKey: 'fa5c8a0b0f492d768749333ad6fcc214c111e967',
      },
    ],
    oracle({ body }, secret) {
      const hash = createHmac('sha256', secret).update('1348177752signature_request_signed').digest('hex');
      assert.ok(textOf(body).includes(`"event_hash":"${hash}"`));
      return {};
    },
  },
  {
    provider: pandadoc,
    evidence: 'document',
    secret: 'nGvk4wRfVpJ9Wr7e2uTqXa',
    request: {
      url: 'https://hooks.example.com/pandadoc',
      body: JSON.stringify([
        {
          event: 'document_state_changed',
          data: { id: 'ZxK9fQ', status: 'document.completed', date_modified: '2023-11-14T22:13:20.000000Z' },
        },
      ]),
    },
    events: [
      {
        type: 'document_state_changed',
        id: 'document_state_changed:ZxK9fQ:2023-11-14T22:13:20.000000Z',
        timeSeconds: 1_700_000_000,
        orderKey: 'ZxK9fQ',
      },
    ],
    oracle({ url, body }, secret) {
      const signature = createHmac('sha256', secret).update(body).digest('hex');
      assert.equal(new URL(url).searchParams.get('signature'), signature);
      return {};
    },
  },
  {
    provider: surveyMonkey,
    evidence: 'document',
    secret: 'client-id&client-secret',
    request: {
      body: JSON.stringify({
        name: 'My Webhook',
        event_id: '123456789',
        event_type: 'response_completed',
        event_datetime: '2023-11-14T22:13:20+00:00',
        object_type: 'response',
        object_id: '4567',
      }),
    },
    events: [{ type: 'response_completed', id: '123456789', timeSeconds: 1_700_000_000, orderKey: '4567' }],
    oracle: ({ body }, secret) => ({
      'sm-signature': createHmac('sha1', secret).update(body).digest('base64'),
    }),
  },
  {
    provider: hygraph,
    evidence: 'sdk',
    secret: 'A3f9b0c1d2e4f5061728394a5b6c7d8e',
    request: {
      body: JSON.stringify({
        operation: 'publish',
        data: { __typename: 'Post', id: 'ckadqdbhk00go0148zzxh4bbq' },
      }),
      headers: { 'gcms-signature': 'env=master' },
    },
    events: [{ type: 'Post.publish', orderKey: 'ckadqdbhk00go0148zzxh4bbq' }],
    oracle({ body, headers }, secret) {
      const given = headers['gcms-signature'] ?? '';
      const [environment, time, signed] = given.split(',');
      assert.deepEqual([environment, time], ['env=master', 't=1700000000000']);
      // Their function reads the parts in this order, which the header of Hygraph has.
      const signature = `${signed}, ${environment}, ${time}`;
      assert.ok(verifyWebhookSignature({ rawPayload: textOf(body), signature, secret }));
      return {};
    },
  },
  {
    provider: discord,
    evidence: 'sdk',
    secret: rawPublicKey(ed25519Keys).toString('hex'),
    signingSecret: privatePem(ed25519Keys),
    request: {
      body: JSON.stringify({
        id: '846462639134605312',
        application_id: '845027738276462632',
        type: 2,
        data: { id: '845811111111111111', name: 'ping' },
        token: 'A_UNIQUE_TOKEN',
        version: 1,
      }),
    },
    events: [{ type: 'interaction.2', id: '846462639134605312' }],
    async oracle({ body, headers }) {
      const publicKey = rawPublicKey(ed25519Keys).toString('hex');
      const signature = headers['x-signature-ed25519'] ?? '';
      assert.ok(await verifyKey(body, signature, '1700000000', publicKey));
      return { 'x-signature-timestamp': '1700000000' };
    },
  },
  {
    provider: sendgrid,
    evidence: 'vector',
    secret: publicDer(ecKeys).toString('base64'),
    signingSecret: privatePem(ecKeys),
    request: {
      body: `${JSON.stringify([
        {
          email: 'example@test.com',
          timestamp: 1513299569,
          'smtp-id': '<14c5d75ce93.dfd.64b469@ismtpd-555>',
          event: 'processed',
          sg_event_id: 'rbtnWrG1DVDGGGFHFyun0A==',
          sg_message_id: '14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0',
        },
      ])}\r\n`,
    },
    events: [
      {
        type: 'processed',
        id: 'rbtnWrG1DVDGGGFHFyun0A==',
        timeSeconds: 1_513_299_569,
        orderKey: '14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0',
      },
    ],
    oracle({ headers, body }) {
      const signature = headers['x-twilio-email-event-webhook-signature'] ?? '';
      const webhook = new EventWebhook();
      const key = webhook.convertPublicKeyToECDSA(publicPem(ecKeys));
      assert.ok(webhook.verifySignature(key, textOf(body), signature, '1700000000'));
      return { 'x-twilio-email-event-webhook-timestamp': '1700000000' };
    },
  },
  {
    provider: telnyx,
    evidence: 'sdk',
    secret: rawPublicKey(ed25519Keys).toString('base64'),
    signingSecret: privatePem(ed25519Keys),
    request: {
      body: JSON.stringify({
        data: {
          event_type: 'message.finalized',
          id: '4ee8c3a6-4995-4309-a3c6-38e3db9ea4be',
          occurred_at: '2023-11-14T22:13:20.000+00:00',
          payload: { id: '834f3d53-8a3c-4aa0-a733-7f2d682a72df', direction: 'outbound' },
          record_type: 'event',
        },
      }),
    },
    events: [
      {
        type: 'message.finalized',
        id: '4ee8c3a6-4995-4309-a3c6-38e3db9ea4be',
        timeSeconds: 1_700_000_000,
        orderKey: '834f3d53-8a3c-4aa0-a733-7f2d682a72df',
      },
    ],
    oracle: ({ body }) => ({
      'telnyx-timestamp': '1700000000',
      'telnyx-signature-ed25519': sign(
        null,
        Buffer.from(`1700000000|${textOf(body)}`),
        ed25519Keys.privateKey,
      ).toString('base64'),
    }),
  },
  {
    provider: paypal,
    evidence: 'document',
    secret: '',
    signingSecret: privatePem(rsaKeys),
    settings: { webhookId: '1JE4291016473214C' },
    published: { [paypalCertificate]: certificateOf(rsaKeys) },
    request: {
      body: JSON.stringify(paypalEvent),
      headers: {
        'PayPal-Transmission-Id': '69cd13f0-d67a-11e5-baa3-778b53f4ae55',
        'PayPal-Transmission-Time': '2023-11-14T22:13:20Z',
        'PayPal-Cert-Url': paypalCertificate,
        'PayPal-Auth-Algo': 'SHA256withRSA',
      },
    },
    events: [
      {
        type: 'PAYMENT.SALE.COMPLETED',
        id: 'WH-7Y7254563A4550640-11V2185806837105M',
        timeSeconds: 1_700_000_000,
        orderKey: '80021663DE681814L',
      },
    ],
    oracle: ({ body }) => ({
      'paypal-transmission-sig': createSign('sha256')
        .update(`69cd13f0-d67a-11e5-baa3-778b53f4ae55|2023-11-14T22:13:20Z|1JE4291016473214C|${crc32(body)}`)
        .sign(rsaKeys.privateKey, 'base64'),
    }),
  },
  {
    provider: awsSns,
    evidence: 'sdk',
    secret: '',
    signingSecret: privatePem(rsaKeys),
    settings: { topicArn },
    published: { [snsCertificate]: certificateOf(rsaKeys) },
    unprotected: ['body'],
    request: { body: JSON.stringify(snsMessage), headers: { 'Content-Type': 'text/plain; charset=UTF-8' } },
    events: [
      { type: 'Notification', id: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324', timeSeconds: 1_700_000_000 },
    ],
    oracle({ body }) {
      const content =
        'Message\nHello world!\nMessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\nSubject\nMy First Message\n' +
        `Timestamp\n2023-11-14T22:13:20.000Z\nTopicArn\n${topicArn}\nType\nNotification\n`;
      const { Signature: signature } = JSON.parse(textOf(body)) as { Signature: string };
      assert.equal(signature, createSign('sha256').update(content).sign(rsaKeys.privateKey, 'base64'));
      return {};
    },
  },
  {
    provider: falAi,
    evidence: 'document',
    secret: '',
    signingSecret: privatePem(ed25519Keys),
    settings: { userId: 'google-oauth2|1050' },
    published: {
      'https://rest.fal.ai/.well-known/jwks.json': JSON.stringify({ keys: [jwkOf(ed25519Keys, 'one')] }),
    },
    request: {
      body: JSON.stringify({
        request_id: '123e4567-e89b-12d3-a456-426614174000',
        status: 'OK',
        payload: { images: [{ url: 'https://fal.media/files/1.png' }] },
      }),
      headers: {
        'X-Fal-Webhook-Request-Id': '123e4567-e89b-12d3-a456-426614174000',
        'X-Fal-Webhook-User-Id': 'google-oauth2|1050',
      },
    },
    events: [{ type: 'request.OK', id: '123e4567-e89b-12d3-a456-426614174000' }],
    oracle({ body }) {
      const hash = createHash('sha256').update(body).digest('hex');
      const content = `123e4567-e89b-12d3-a456-426614174000\ngoogle-oauth2|1050\n1700000000\n${hash}`;
      return {
        'x-fal-webhook-timestamp': '1700000000',
        'x-fal-webhook-signature': sign(null, Buffer.from(content), ed25519Keys.privateKey).toString('hex'),
      };
    },
  },
];
