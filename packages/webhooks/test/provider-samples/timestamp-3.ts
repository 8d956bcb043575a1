// A time in a header of its own, HubSpot's and X's older signatures without one.
import { createHash } from 'node:crypto';
import { close } from '../../src/providers/close.ts';
import { crisp } from '../../src/providers/crisp.ts';
import { customerIo } from '../../src/providers/customer-io.ts';
import { daily } from '../../src/providers/daily.ts';
import { front } from '../../src/providers/front.ts';
import { hubspotV1 } from '../../src/providers/hubspot-v1.ts';
import { hubspotV2 } from '../../src/providers/hubspot-v2.ts';
import { hubspot } from '../../src/providers/hubspot.ts';
import { klaviyo } from '../../src/providers/klaviyo.ts';
import { twitch } from '../../src/providers/twitch.ts';
import { webflow } from '../../src/providers/webflow.ts';
import { x } from '../../src/providers/x.ts';
import { zendesk } from '../../src/providers/zendesk.ts';
import { zoom } from '../../src/providers/zoom.ts';
import { mac, signedAtIso, signedAtMs, signedAtSeconds } from '../support/oracles.ts';
import type { ProviderSample } from '../support/provider-sample.ts';

const hubspotSecret = 'cfc68c0b-4b4e-4ef8-b764-95350e4ea479';
const hubspotUrl = 'https://example.com/hubspot?state=%7B1%7D&next=%2Fhome%3Fa%3D1%26mail%3Da%40b.c';
const hubspotRequest = {
  url: hubspotUrl,
  body: JSON.stringify([
    {
      eventId: 531_833_541,
      subscriptionId: 3_923_621,
      portalId: 48_807_704,
      occurredAt: 1_752_613_920_733,
      subscriptionType: 'contact.creation',
      attemptNumber: 0,
      objectId: 138_017_612_137,
    },
    {
      eventId: 531_833_542,
      subscriptionId: 3_923_622,
      portalId: 48_807_704,
      occurredAt: 1_752_613_921_004,
      subscriptionType: 'contact.propertyChange',
      attemptNumber: 0,
      objectId: 138_017_612_137,
    },
  ]),
};
const hubspotEvents = [
  {
    type: 'contact.creation',
    id: '48807704:3923621:531833541:1752613920733',
    timeSeconds: 1_752_613_920.733,
    orderKey: '48807704:138017612137',
  },
  {
    type: 'contact.propertyChange',
    id: '48807704:3923622:531833542:1752613921004',
    timeSeconds: 1_752_613_921.004,
    orderKey: '48807704:138017612137',
  },
];
const sha256 = (...parts: readonly (string | Uint8Array)[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

export const samples: readonly ProviderSample[] = [
  {
    provider: hubspot,
    evidence: 'vector',
    secret: hubspotSecret,
    request: hubspotRequest,
    events: hubspotEvents,
    oracle: ({ body }, secret) => {
      // By the table of the document: `%7B`, `%26` and `%3D` stay, the others are decoded.
      const url = 'https://example.com/hubspot?state=%7B1%7D&next=/home?a%3D1%26mail%3Da@b.c';
      return {
        'x-hubspot-request-timestamp': String(signedAtMs),
        'x-hubspot-signature-v3': mac(secret, `POST${url}`, body, String(signedAtMs)).digest('base64'),
      };
    },
  },
  {
    provider: hubspotV1,
    evidence: 'vector',
    secret: hubspotSecret,
    request: hubspotRequest,
    events: hubspotEvents,
    oracle: ({ body }, secret) => ({ 'x-hubspot-signature': sha256(secret, body) }),
  },
  {
    provider: hubspotV2,
    evidence: 'vector',
    secret: hubspotSecret,
    request: hubspotRequest,
    events: hubspotEvents,
    oracle: ({ body }, secret) => ({ 'x-hubspot-signature': sha256(secret, `POST${hubspotUrl}`, body) }),
  },
  {
    provider: zoom,
    evidence: 'document',
    secret: '8NYBgsTrTzWqYrVpnKsBdw',
    request: {
      body: JSON.stringify({
        event: 'meeting.started',
        event_ts: 1_626_230_691_572,
        payload: { account_id: 'AAAAAABBBB', object: { id: '1234567890', uuid: '4444AAAiAAAAAiAiAiiAii==' } },
      }),
    },
    events: [
      { type: 'meeting.started', timeSeconds: 1_626_230_691.572, orderKey: '4444AAAiAAAAAiAiAiiAii==' },
    ],
    oracle: ({ body }, secret) => ({
      'x-zm-request-timestamp': String(signedAtSeconds),
      'x-zm-signature': `v0=${mac(secret, `v0:${signedAtSeconds}:`, body).digest('hex')}`,
    }),
  },
  {
    provider: zendesk,
    evidence: 'document',
    // What Zendesk signs its tests with.
    secret: 'dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==',
    request: {
      body: JSON.stringify({
        type: 'zen:event-type:user.created',
        id: '1ce6e4f8-6d8b-4d2a-9f0a-7f8c9d0e1f2a',
        time: '2023-04-13T12:35:20.226Z',
        subject: 'zen:user:386847042193',
        detail: { id: '386847042193' },
      }),
      headers: { 'X-Zendesk-Webhook-Invocation-Id': '01EJFTSCC78X5V07NPY2MHR00M' },
    },
    events: [
      {
        type: 'zen:event-type:user.created',
        id: '01EJFTSCC78X5V07NPY2MHR00M',
        timeSeconds: 1_681_389_320.226,
        orderKey: 'zen:user:386847042193',
      },
    ],
    oracle: ({ body }, secret) => ({
      'x-zendesk-webhook-signature-timestamp': signedAtIso,
      'x-zendesk-webhook-signature': mac(secret, signedAtIso, body).digest('base64'),
    }),
  },
  {
    provider: twitch,
    evidence: 'others',
    secret: 's3cre7ofTheSubscription',
    request: {
      body: JSON.stringify({
        subscription: {
          id: 'f1c2a387-161a-49f9-a165-0f21d7a4e1c4',
          type: 'channel.follow',
          status: 'enabled',
        },
        event: { user_id: '1337', user_login: 'awesome_user' },
      }),
      headers: {
        'Twitch-Eventsub-Message-Id': 'e76c6bd4-55c9-4987-8304-da1588d8988b',
        'Twitch-Eventsub-Message-Timestamp': '2019-11-16T10:11:12.634234626Z',
        'Twitch-Eventsub-Message-Type': 'notification',
      },
    },
    events: [
      {
        type: 'channel.follow',
        id: 'e76c6bd4-55c9-4987-8304-da1588d8988b',
        timeSeconds: 1_573_899_072.634,
        orderKey: 'f1c2a387-161a-49f9-a165-0f21d7a4e1c4',
      },
    ],
    oracle: ({ body }, secret) => {
      const content = ['e76c6bd4-55c9-4987-8304-da1588d8988b', signedAtIso, body];
      return { 'twitch-eventsub-message-signature': `sha256=${mac(secret, ...content).digest('hex')}` };
    },
  },
  {
    provider: x,
    evidence: 'document',
    secret: 'z3ZX4v7mAAUGykl2EcmkqbVmuW8VdXFmTKBAGZ8vXWZEg',
    request: {
      body: '{"for_user_id":"2244994945","favorite_events":[{"id":"a7ba59eab0bfcba386f7acedac279542"}]}',
    },
    events: [{ type: 'favorite_events', id: 'a7ba59eab0bfcba386f7acedac279542', orderKey: '2244994945' }],
    oracle: ({ body }, secret) => ({
      'x-twitter-webhooks-signature': `sha256=${mac(secret, body).digest('base64')}`,
    }),
  },
  {
    provider: klaviyo,
    evidence: 'document',
    secret: 'a-secret-of-at-least-16-characters',
    request: {
      body: JSON.stringify({
        meta: {
          timestamp: '2023-11-14T22:13:20.101159+00:00',
          klaviyo_webhook_id: '01HF8',
          version: '2024-06-28',
        },
        data: [
          {
            topic: 'event:klaviyo.opened_email',
            external_id: '73WCCK7JKtE',
            payload: { data: { type: 'event', id: '73WCCK7JKtE', attributes: { timestamp: 1_699_999_900 } } },
          },
        ],
      }),
    },
    events: [
      {
        type: 'event:klaviyo.opened_email',
        id: 'event:klaviyo.opened_email 73WCCK7JKtE',
        timeSeconds: 1_699_999_900,
      },
    ],
    oracle: ({ body }, secret) => ({
      'klaviyo-timestamp': 'Tue, 14 Nov 2023 22:13:20 GMT',
      'klaviyo-signature': mac(secret, body, 'Tue, 14 Nov 2023 22:13:20 GMT').digest('hex'),
    }),
  },
  {
    provider: customerIo,
    evidence: 'document',
    secret: '755781b5e03a973f3405a85474d5a032a60fd56fabaad66039b12eadd83955fa',
    request: {
      body: JSON.stringify({
        data: {
          customer_id: '42',
          delivery_id: 'RPILAgUBcRhIBqSp7kiPekGBIeVh',
          subject: 'Thanks for signing up',
        },
        event_id: '01E4C4G1S0AMNG0XVF2M7RPH5S',
        metric: 'sent',
        object_type: 'email',
        timestamp: 1_585_250_199,
      }),
    },
    events: [
      {
        type: 'email.sent',
        id: '01E4C4G1S0AMNG0XVF2M7RPH5S',
        timeSeconds: 1_585_250_199,
        orderKey: 'RPILAgUBcRhIBqSp7kiPekGBIeVh',
      },
    ],
    oracle: ({ body }, secret) => ({
      'x-cio-timestamp': String(signedAtSeconds),
      'x-cio-signature': mac(secret, `v0:${signedAtSeconds}:`, body).digest('hex'),
    }),
  },
  {
    provider: front,
    evidence: 'document',
    secret: 'eb7b1f4d4b0d8b5f0b6c2c9e1a3d5f77',
    request: {
      body: JSON.stringify({
        type: 'inbound_received',
        authorization: { id: 'cmp_abc' },
        payload: {
          id: 'evt_55c8c149',
          type: 'inbound',
          emitted_at: 1_453_770_984.123,
          conversation: { id: 'cnv_55c8c149' },
        },
      }),
    },
    events: [
      {
        type: 'inbound_received',
        id: 'evt_55c8c149',
        timeSeconds: 1_453_770_984.123,
        orderKey: 'cnv_55c8c149',
      },
    ],
    oracle: ({ body }, secret) => ({
      'x-front-request-timestamp': String(signedAtMs),
      'x-front-signature': mac(secret, `${signedAtMs}:`, body).digest('base64'),
    }),
  },
  {
    provider: crisp,
    evidence: 'sdk',
    secret: 'b1cbf6ea22b3a5e40a8e5ab2ba4e1d70',
    request: {
      body: JSON.stringify({
        website_id: '42286ab3-292a-4972-aacf-9b72e0cc9c6b',
        event: 'message:send',
        data: { session_id: 'session_36ba3566-9651-4790-afc8-ffedbccc317f', type: 'text', content: 'Hi' },
        timestamp: 1_632_396_148_743,
      }),
    },
    events: [
      {
        type: 'message:send',
        timeSeconds: 1_632_396_148.743,
        orderKey: 'session_36ba3566-9651-4790-afc8-ffedbccc317f',
      },
    ],
    oracle: ({ body }, secret) => ({
      'x-crisp-request-timestamp': String(signedAtSeconds),
      'x-crisp-signature': mac(secret, `[${signedAtSeconds};`, body, ']').digest('hex'),
    }),
  },
  {
    provider: webflow,
    evidence: 'document',
    secret: 'f4e8cb5b8ce1b6a2a0a9e9a6a0c3b6d0f4e8cb5b8ce1b6a2',
    request: {
      body: JSON.stringify({
        triggerType: 'form_submission',
        payload: {
          name: 'Contact Us',
          id: '6321ca84df3949bfc6752327',
          submittedAt: '2022-09-14T12:35:16.117Z',
        },
      }),
    },
    events: [
      { type: 'form_submission', timeSeconds: 1_663_158_916.117, orderKey: '6321ca84df3949bfc6752327' },
    ],
    oracle: ({ body }, secret) => ({
      'x-webflow-timestamp': String(signedAtMs),
      'x-webflow-signature': mac(secret, `${signedAtMs}:`, body).digest('hex'),
    }),
  },
  {
    provider: daily,
    evidence: 'document',
    secret: 'NQrSA5z0FkJ44QPrFerW7uCc5kdNLv3l2FDEKDanL1U=',
    request: {
      body: JSON.stringify({
        version: '1.0.0',
        type: 'recording.ready-to-download',
        id: 'rec-rtd-c3df927c-f738-4471-a2b7-066fa7e95a6b-1692124192',
        payload: { recording_id: '08fa0b24-9220-44c5-846c-3f116cf8e738', room_name: 'Xcm97xRZ08b2dePKb78g' },
        event_ts: 1_692_124_192,
      }),
    },
    events: [
      {
        type: 'recording.ready-to-download',
        id: 'rec-rtd-c3df927c-f738-4471-a2b7-066fa7e95a6b-1692124192',
        timeSeconds: 1_692_124_192,
        orderKey: '08fa0b24-9220-44c5-846c-3f116cf8e738',
      },
    ],
    oracle: ({ body }, secret) => ({
      'x-webhook-timestamp': String(signedAtSeconds),
      'x-webhook-signature': mac(Buffer.from(secret, 'base64'), `${signedAtSeconds}.`, body).digest('base64'),
    }),
  },
  {
    provider: close,
    evidence: 'document',
    secret: '058bfb6a3d8cfdc4da7c3be5901b16ae11da982b46a25fb2cd7016e97a140a1c',
    request: {
      body: JSON.stringify({
        event: {
          id: 'ev_2sYKRjcrA79yKxi3S4Crd7',
          object_type: 'opportunity',
          object_id: 'oppo_8H4sjNso7FyBFaeR3RXi5PMJbilfo0c6UPCxsJtEhCO',
          action: 'updated',
          date_created: '2019-01-15T12:48:23.395000',
        },
        subscription_id: 'whsub_123',
      }),
    },
    events: [
      {
        type: 'opportunity.updated',
        id: 'ev_2sYKRjcrA79yKxi3S4Crd7',
        timeSeconds: 1_547_556_503.395,
        orderKey: 'oppo_8H4sjNso7FyBFaeR3RXi5PMJbilfo0c6UPCxsJtEhCO',
      },
    ],
    oracle: ({ body }, secret) => ({
      'close-sig-timestamp': String(signedAtSeconds),
      'close-sig-hash': mac(Buffer.from(secret, 'hex'), String(signedAtSeconds), body).digest('hex'),
    }),
  },
];
