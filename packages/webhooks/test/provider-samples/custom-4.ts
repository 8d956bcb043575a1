// Providers that send a shared secret along, and prove nothing about the body.
import assert from 'node:assert/strict';
import { auth0 } from '../../src/providers/auth0.ts';
import { azureDevops } from '../../src/providers/azure-devops.ts';
import { azureEventGrid } from '../../src/providers/azure-event-grid.ts';
import { brevo } from '../../src/providers/brevo.ts';
import { chargebee } from '../../src/providers/chargebee.ts';
import { cloudflareNotifications } from '../../src/providers/cloudflare-notifications.ts';
import { figma } from '../../src/providers/figma.ts';
import { huggingFace } from '../../src/providers/hugging-face.ts';
import { microsoftGraph } from '../../src/providers/microsoft-graph.ts';
import { okta } from '../../src/providers/okta.ts';
import { pipedrive } from '../../src/providers/pipedrive.ts';
import { postmark } from '../../src/providers/postmark.ts';
import { telegram } from '../../src/providers/telegram.ts';
import type { ProviderSample } from '../support/provider-sample.ts';

const basic = (secret: string) => ({ authorization: `Basic ${Buffer.from(secret).toString('base64')}` });
const textOf = (body: Uint8Array) => Buffer.from(body).toString();
const at = '2023-11-14T22:13:20Z';
const timeSeconds = 1_700_000_000;
/** What all of these have in common: the body is not protected, and mostly the document is all the evidence. */
const common = { evidence: 'document', unprotected: ['body'] } as const;

export const samples: readonly ProviderSample[] = [
  {
    ...common,
    provider: telegram,
    secret: 'telegram_secret-token_0123456789',
    request: {
      body: JSON.stringify({
        update_id: 10_000,
        message: {
          message_id: 1365,
          date: timeSeconds,
          chat: { id: 1111111, type: 'private' },
          text: '/start',
        },
      }),
    },
    events: [{ type: 'message', id: '10000', timeSeconds, orderKey: '1111111' }],
    oracle: (_draft, secret) => ({ 'x-telegram-bot-api-secret-token': secret }),
  },
  {
    ...common,
    provider: azureDevops,
    secret: 'posthorn:Grüße-und-Küsse',
    request: {
      body: JSON.stringify({
        subscriptionId: 'd5315316-b5f5-42b2-8b9a-69aa32b770ea',
        notificationId: 4,
        id: '03c164c2-8912-4d5e-8009-3707d5f83734',
        eventType: 'git.push',
        publisherId: 'tfs',
        resource: { pushId: 14 },
        createdDate: '2023-11-14T22:13:20.0000000Z',
      }),
    },
    events: [
      {
        type: 'git.push',
        id: '03c164c2-8912-4d5e-8009-3707d5f83734:d5315316-b5f5-42b2-8b9a-69aa32b770ea:4',
        timeSeconds,
      },
    ],
    oracle: (_draft, secret) => basic(secret),
  },
  {
    ...common,
    provider: okta,
    secret: 'okta-event-hook-secret',
    request: {
      body: JSON.stringify({
        eventType: 'com.okta.event_hook',
        eventId: 'b5a188b9-5ece-4636-b041-482ffda96311',
        data: {
          events: [
            { uuid: '8b5ab9a7-0c8b-11e9-8f3c-f7a0b7a7d2e1', published: at, eventType: 'user.session.start' },
            {
              uuid: '8b5ab9a7-0c8b-11e9-8f3c-f7a0b7a7d2e2',
              published: at,
              eventType: 'user.lifecycle.create',
            },
          ],
        },
      }),
    },
    events: [
      { type: 'user.session.start', id: '8b5ab9a7-0c8b-11e9-8f3c-f7a0b7a7d2e1', timeSeconds },
      { type: 'user.lifecycle.create', id: '8b5ab9a7-0c8b-11e9-8f3c-f7a0b7a7d2e2', timeSeconds },
    ],
    oracle: (_draft, secret) => ({ authorization: secret }),
  },
  {
    ...common,
    provider: auth0,
    secret: 'Bearer auth0-log-stream-token',
    request: {
      // JSON Lines, which a stream sends unless it is told otherwise.
      body: [
        { log_id: '90020231114221320', data: { date: at, type: 's', user_id: 'auth0|1' } },
        { log_id: '90020231114221321', data: { date: at, type: 'fp' } },
      ]
        .map((log) => JSON.stringify(log))
        .join('\n'),
    },
    events: [
      { type: 's', id: '90020231114221320', timeSeconds, orderKey: 'auth0|1' },
      { type: 'fp', id: '90020231114221321', timeSeconds },
    ],
    oracle: (_draft, secret) => ({ authorization: secret }),
  },
  {
    ...common,
    provider: cloudflareNotifications,
    secret: 'cloudflare-webhook-secret',
    request: {
      body: JSON.stringify({
        name: 'Secondary DNS transfer failed',
        text: 'A transfer has failed',
        data: { zone: 'example.com' },
        ts: timeSeconds,
        account_id: '372e67954025e0ba6aaa6d586b9e0b59',
        policy_id: '0da2b59ef118439d8097bdfb215203c9',
        alert_type: 'secondary_dns_zone_validation_warning',
      }),
    },
    events: [
      {
        type: 'secondary_dns_zone_validation_warning',
        id: '0da2b59ef118439d8097bdfb215203c9:1700000000',
        timeSeconds,
      },
    ],
    oracle: (_draft, secret) => ({ 'cf-webhook-auth': secret }),
  },
  {
    ...common,
    provider: postmark,
    secret: 'postmark:a-long-password',
    request: {
      body: JSON.stringify({
        RecordType: 'Delivery',
        MessageID: '883953f4-6105-42a2-a16a-77a8eac79483',
        Recipient: 'john@example.com',
        DeliveredAt: at,
      }),
    },
    events: [
      {
        type: 'Delivery',
        id: 'Delivery:883953f4-6105-42a2-a16a-77a8eac79483:john@example.com',
        timeSeconds,
        orderKey: '883953f4-6105-42a2-a16a-77a8eac79483',
      },
    ],
    oracle: (_draft, secret) => basic(secret),
  },
  {
    ...common,
    provider: pipedrive,
    secret: 'pipedrive:a-long-password',
    request: {
      body: JSON.stringify({
        meta: {
          action: 'change',
          entity: 'deal',
          entity_id: '42',
          id: 'b5ed2e17-c530-f436-68de-130142445cba',
          timestamp: at,
          version: '2.0',
        },
        data: { id: 42, title: 'New deal' },
      }),
    },
    events: [
      { type: 'deal.change', id: 'b5ed2e17-c530-f436-68de-130142445cba', timeSeconds, orderKey: 'deal:42' },
    ],
    oracle: (_draft, secret) => basic(secret),
  },
  {
    ...common,
    evidence: 'sdk',
    provider: chargebee,
    secret: 'chargebee:a-long-password',
    request: {
      body: JSON.stringify({
        id: 'ev_16BPgETyVrQbiGhA',
        occurred_at: timeSeconds,
        event_type: 'subscription_created',
        content: { subscription: { id: 'AzZlGjSsjp6rZ1FYC' } },
      }),
    },
    events: [
      { type: 'subscription_created', id: 'ev_16BPgETyVrQbiGhA', timeSeconds, orderKey: 'AzZlGjSsjp6rZ1FYC' },
    ],
    oracle: (_draft, secret) => basic(secret),
  },
  {
    ...common,
    provider: figma,
    secret: 'figma-passcode',
    request: {
      body: JSON.stringify({
        event_type: 'FILE_UPDATE',
        file_key: 'zH8i4KxPpgOvhVqwBRYkXM',
        timestamp: at,
        webhook_id: '22',
      }),
    },
    events: [
      {
        type: 'FILE_UPDATE',
        id: `22:FILE_UPDATE:zH8i4KxPpgOvhVqwBRYkXM:${at}`,
        timeSeconds,
        orderKey: 'zH8i4KxPpgOvhVqwBRYkXM',
      },
    ],
    oracle({ body }, secret) {
      assert.equal((JSON.parse(textOf(body)) as { passcode: string }).passcode, secret);
      return {};
    },
  },
  {
    ...common,
    provider: huggingFace,
    secret: 'hugging-face-webhook-secret',
    request: {
      body: JSON.stringify({
        event: { action: 'update', scope: 'repo.content' },
        repo: { type: 'model', name: 'some-user/some-repo', id: '621ffdc036468d709f17434d' },
        webhook: { id: '6390e855e30d9209411de93b', version: 3 },
      }),
    },
    events: [{ type: 'repo.content.update', orderKey: '621ffdc036468d709f17434d' }],
    oracle: (_draft, secret) => ({ 'x-webhook-secret': secret }),
  },
  {
    ...common,
    provider: brevo,
    secret: 'brevo-webhook-token',
    request: {
      body: JSON.stringify({
        event: 'delivered',
        email: 'example@example.com',
        id: 26224,
        'message-id': '<201798300811.5787683@relay.domain.com>',
        ts_event: timeSeconds,
      }),
    },
    events: [
      {
        type: 'delivered',
        id: 'delivered:<201798300811.5787683@relay.domain.com>:example@example.com:1700000000',
        timeSeconds,
        orderKey: '<201798300811.5787683@relay.domain.com>',
      },
    ],
    oracle: (_draft, secret) => ({ authorization: `Bearer ${secret}` }),
  },
  {
    ...common,
    provider: microsoftGraph,
    secret: 'secretClientValue',
    request: {
      body: JSON.stringify({
        value: [
          {
            id: 'lsgTZMr9KwAAA',
            subscriptionId: '76619225-ff6b-4489-96ca-4ef547e78b22',
            changeType: 'created',
            resource: 'users/1/messages/1',
          },
          { subscriptionId: '76619225-ff6b-4489-96ca-4ef547e78b22', lifecycleEvent: 'missed' },
        ],
      }),
    },
    events: [
      { type: 'created', id: 'lsgTZMr9KwAAA', orderKey: '76619225-ff6b-4489-96ca-4ef547e78b22' },
      { type: 'lifecycle.missed', orderKey: '76619225-ff6b-4489-96ca-4ef547e78b22' },
    ],
    oracle({ body }, secret) {
      const { value } = JSON.parse(textOf(body)) as { value: { clientState: string }[] };
      assert.deepEqual(
        value.map(({ clientState }) => clientState),
        [secret, secret],
      );
      return {};
    },
  },
  {
    ...common,
    provider: azureEventGrid,
    secret: 'event-grid-query-code',
    request: {
      url: 'https://hooks.example.com/event-grid',
      body: JSON.stringify([
        {
          id: '2d1781af-3a4c-4d7c-bd0c-e34b19da4e66',
          topic: '/subscriptions/1/resourceGroups/Storage',
          subject: '/blobServices/default/containers/c/blobs/b.txt',
          eventType: 'Microsoft.Storage.BlobCreated',
          eventTime: '2023-11-14T22:13:20.0000000Z',
          data: { api: 'PutBlob' },
          dataVersion: '',
          metadataVersion: '1',
        },
      ]),
    },
    events: [
      {
        type: 'Microsoft.Storage.BlobCreated',
        id: '2d1781af-3a4c-4d7c-bd0c-e34b19da4e66',
        timeSeconds,
        orderKey: '/blobServices/default/containers/c/blobs/b.txt',
      },
    ],
    oracle({ url }, secret) {
      assert.equal(new URL(url).searchParams.get('code'), secret);
      return {};
    },
  },
];
