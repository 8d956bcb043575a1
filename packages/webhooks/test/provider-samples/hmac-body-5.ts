// Talk and people: an HMAC of the raw body.
import { hmacOracle } from '../support/hmac-oracle.ts';
import type { ProviderSample } from '../support/provider-sample.ts';
import { checkr } from '../../src/providers/checkr.ts';
import { helpScout } from '../../src/providers/help-scout.ts';
import { intercom } from '../../src/providers/intercom.ts';
import { line } from '../../src/providers/line.ts';
import { mautic } from '../../src/providers/mautic.ts';
import { meta } from '../../src/providers/meta.ts';
import { nylas } from '../../src/providers/nylas.ts';
import { pusher } from '../../src/providers/pusher.ts';
import { segment } from '../../src/providers/segment.ts';
import { strava } from '../../src/providers/strava.ts';
import { webex } from '../../src/providers/webex.ts';

const whatsappMetadata = { display_phone_number: '15550783881', phone_number_id: '106540352242922' };

export const samples: readonly ProviderSample[] = [
  {
    provider: meta,
    evidence: 'document',
    secret: '3b6c53ccbb656d2142fd22a48011f6cd',
    request: {
      body: JSON.stringify({
        object: 'whatsapp_business_account',
        entry: [
          {
            id: '102290129340398',
            changes: [
              {
                field: 'messages',
                value: {
                  messaging_product: 'whatsapp',
                  metadata: whatsappMetadata,
                  messages: [
                    {
                      from: '16505551234',
                      id: 'wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=',
                      timestamp: '1749416383',
                      type: 'text',
                      text: { body: 'Does it come in another color?' },
                    },
                  ],
                },
              },
              {
                field: 'messages',
                value: {
                  messaging_product: 'whatsapp',
                  metadata: whatsappMetadata,
                  statuses: [
                    {
                      id: 'wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBI3MTE5MjVBOTE3MDk5QUVFM0YA',
                      status: 'delivered',
                      timestamp: '1750263773',
                      recipient_id: '16505551234',
                    },
                  ],
                },
              },
            ],
          },
        ],
      }),
    },
    events: [
      {
        type: 'whatsapp_business_account.messages',
        id: 'wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=',
        timeSeconds: 1_749_416_383,
        orderKey: '16505551234',
      },
      {
        type: 'whatsapp_business_account.messages',
        id: 'wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBI3MTE5MjVBOTE3MDk5QUVFM0YA.delivered',
        timeSeconds: 1_750_263_773,
        orderKey: '16505551234',
      },
    ],
    oracle: hmacOracle('x-hub-signature-256', { prefix: 'sha256=' }),
  },
  {
    provider: meta,
    evidence: 'document',
    secret: '3b6c53ccbb656d2142fd22a48011f6cd',
    request: {
      // Letters beyond ASCII come escaped, and are signed so.
      body: '{"object":"page","entry":[{"id":"682498302938465","time":1518479195594,"messaging":[{"sender":{"id":"1254459154682919"},"recipient":{"id":"682498302938465"},"timestamp":1518479195308,"message":{"mid":"mid.$cAAE3o","text":"\\u00e4 \\u00f6"}}]}]}',
    },
    events: [{ type: 'page', id: 'mid.$cAAE3o', orderKey: '1254459154682919' }],
    oracle: hmacOracle('x-hub-signature-256', { prefix: 'sha256=' }),
  },
  {
    provider: strava,
    evidence: 'document',
    secret: 'none',
    request: {
      body: JSON.stringify({
        aspect_type: 'update',
        event_time: 1_516_126_040,
        object_id: 1_360_128_428,
        object_type: 'activity',
        owner_id: 134_815,
        subscription_id: 120_475,
        updates: { title: 'Messy' },
      }),
    },
    events: [
      {
        type: 'activity.update',
        id: 'activity.1360128428.update.1516126040',
        timeSeconds: 1_516_126_040,
        orderKey: 'activity.1360128428',
      },
    ],
    unprotected: ['body'],
  },
  {
    provider: intercom,
    evidence: 'document',
    secret: '6f1f8b6a-2e0d-4a15-8c1c-0c3e9e41e8df',
    request: {
      body: JSON.stringify({
        type: 'notification_event',
        app_id: 'a86dr8yl',
        id: 'notif_ccd8a4d0-f965-11e3-a367-c779cae3e1b3',
        topic: 'conversation.user.created',
        created_at: 1_392_731_331,
        delivery_attempts: 1,
        data: { type: 'notification_event_data', item: { type: 'conversation', id: '147' } },
      }),
    },
    events: [
      {
        type: 'conversation.user.created',
        id: 'notif_ccd8a4d0-f965-11e3-a367-c779cae3e1b3',
        timeSeconds: 1_392_731_331,
        orderKey: '147',
      },
    ],
    oracle: hmacOracle('x-hub-signature', { algorithm: 'sha1', prefix: 'sha1=' }),
  },
  {
    provider: line,
    evidence: 'vector',
    secret: 'test_secret',
    request: {
      body: JSON.stringify({
        destination: 'U8e742f61d673b39c7fff3cecb7536ef0',
        events: [
          {
            type: 'message',
            message: { type: 'text', id: '468789577898262530', text: 'Hello' },
            webhookEventId: '01H810YECXQQZ37VAXPF6H9E6T',
            deliveryContext: { isRedelivery: false },
            timestamp: 1_692_251_666_727,
            source: { type: 'group', groupId: 'Ca56f94637c3d', userId: 'U4af4980629' },
            mode: 'active',
          },
        ],
      }),
    },
    events: [
      {
        type: 'message',
        id: '01H810YECXQQZ37VAXPF6H9E6T',
        timeSeconds: 1_692_251_666.727,
        orderKey: 'Ca56f94637c3d',
      },
    ],
    oracle: hmacOracle('x-line-signature', { encoding: 'base64' }),
  },
  {
    provider: pusher,
    evidence: 'vector',
    secret: 'tofu',
    request: {
      body: JSON.stringify({
        time_ms: 1_403_175_510_755,
        events: [
          { channel: 'test_channel', name: 'channel_vacated' },
          { channel: 'presence-x', name: 'member_added', user_id: '5' },
        ],
      }),
      headers: { 'X-Pusher-Key': '123456789' },
    },
    events: [
      { type: 'channel_vacated', timeSeconds: 1_403_175_510.755, orderKey: 'test_channel' },
      { type: 'member_added', timeSeconds: 1_403_175_510.755, orderKey: 'presence-x' },
    ],
    oracle: hmacOracle('x-pusher-signature'),
  },
  {
    provider: helpScout,
    evidence: 'document',
    secret: 'a secret of the webhook',
    request: {
      body: JSON.stringify({ id: 291_938, number: 349, type: 'email', status: 'active', subject: 'Help' }),
      headers: { 'X-HelpScout-Event': 'convo.created' },
    },
    events: [{ type: 'convo.created', orderKey: '291938' }],
    oracle: hmacOracle('x-helpscout-signature', { algorithm: 'sha1', encoding: 'base64' }),
  },
  {
    provider: webex,
    evidence: 'document',
    secret: 'a secret of the webhook',
    request: {
      body: JSON.stringify({
        id: 'Y2lzY29zcGFyazovL3VzL1dFQkhPT0svZjRlNjA1NjAtNjYwMi00ZmIwLWEyNWEtOTQ5ODgxNjA5NDk3',
        name: 'New message in a room',
        resource: 'messages',
        event: 'created',
        data: {
          id: 'Y2lzY29zcGFyazovL3VzL01FU1NBR0UvMzIzZWUyZjAtOWFhZC0xMWU1LTg1YmYtMWRhZjhkNDJlZjlj',
          roomId: 'Y2lzY29zcGFyazovL3VzL1JPT00vYmJjZWIxYWQtNDNmMS0zYjU4LTkxNDctZjE0YmIwYzRkMTU0',
          created: '2015-12-04T17:33:56.767Z',
        },
      }),
    },
    events: [
      {
        type: 'messages.created',
        id: 'messages.created.Y2lzY29zcGFyazovL3VzL01FU1NBR0UvMzIzZWUyZjAtOWFhZC0xMWU1LTg1YmYtMWRhZjhkNDJlZjlj.2015-12-04T17:33:56.767Z',
        orderKey: 'Y2lzY29zcGFyazovL3VzL1JPT00vYmJjZWIxYWQtNDNmMS0zYjU4LTkxNDctZjE0YmIwYzRkMTU0',
      },
    ],
    oracle: hmacOracle('x-spark-signature', { algorithm: 'sha1' }),
  },
  {
    provider: segment,
    evidence: 'document',
    secret: 'a shared secret',
    request: {
      body: JSON.stringify({
        type: 'track',
        event: 'Order Completed',
        messageId: 'ajs-f8ca1e4de5024d9430b3928bd8ac6b96',
        timestamp: '2015-12-12T19:11:01.249Z',
        userId: 'AiUGstSDIg',
        anonymousId: 'fe40fd7b-6b2a-4f5c-9d38-0a7d3c6a1b2e',
        properties: { total: 30 },
      }),
    },
    events: [
      {
        type: 'track',
        id: 'ajs-f8ca1e4de5024d9430b3928bd8ac6b96',
        timeSeconds: Date.parse('2015-12-12T19:11:01.249Z') / 1_000,
        orderKey: 'AiUGstSDIg',
      },
    ],
    oracle: hmacOracle('x-signature', { algorithm: 'sha1' }),
  },
  {
    provider: nylas,
    evidence: 'vector',
    secret: 'xUrnqp8Lj6YzTn2dV4sB1fGcHkM',
    request: {
      body: JSON.stringify({
        specversion: '1.0',
        type: 'message.created',
        source: '/google/emails/realtime',
        id: 'mock-id-1695415185',
        time: 1_695_415_185,
        webhook_delivery_attempt: 1,
        data: { application_id: 'app-1', object: { grant_id: 'grant-1', id: 'msg-1', object: 'message' } },
      }),
    },
    events: [
      {
        type: 'message.created',
        id: 'mock-id-1695415185',
        timeSeconds: 1_695_415_185,
        orderKey: 'msg-1',
      },
    ],
    oracle: hmacOracle('x-nylas-signature'),
  },
  {
    provider: checkr,
    evidence: 'document',
    secret: '83ebeabdec09f6670863766f792ead24d61fe3f9',
    request: {
      body: JSON.stringify({
        id: '507f1f77bcf86cd799439011',
        object: 'event',
        type: 'report.completed',
        created_at: '2014-01-18T12:34:00Z',
        data: { object: { id: '4722c07dd9a10c3985ae432a', object: 'report', status: 'clear' } },
      }),
    },
    events: [
      {
        type: 'report.completed',
        id: '507f1f77bcf86cd799439011',
        timeSeconds: Date.parse('2014-01-18T12:34:00Z') / 1_000,
        orderKey: '4722c07dd9a10c3985ae432a',
      },
    ],
    oracle: hmacOracle('x-checkr-signature'),
  },
  {
    provider: mautic,
    evidence: 'document',
    secret: '8e4a5d4a4a0f4b4ea6f3',
    request: {
      body: JSON.stringify({
        'mautic.lead_post_save_new': [{ contact: { id: 50, isPublished: true } }],
        timestamp: '2017-02-08T13:11:20+00:00',
      }),
      headers: { 'X-Origin-Base-URL': 'https://mautic.example.com' },
    },
    events: [{ type: 'mautic.lead_post_save_new', timeSeconds: Date.parse('2017-02-08T13:11:20Z') / 1_000 }],
    oracle: hmacOracle('webhook-signature', { encoding: 'base64' }),
  },
];
