// Boards, notes and plans: an HMAC of the raw body.
import { createHmac } from 'node:crypto';
import { hmacOracle } from '../support/hmac-oracle.ts';
import type { ProviderSample } from '../support/provider-sample.ts';
import { airtable } from '../../src/providers/airtable.ts';
import { asana } from '../../src/providers/asana.ts';
import { attio } from '../../src/providers/attio.ts';
import { clickup } from '../../src/providers/clickup.ts';
import { dropbox } from '../../src/providers/dropbox.ts';
import { jira } from '../../src/providers/jira.ts';
import { jobber } from '../../src/providers/jobber.ts';
import { linear } from '../../src/providers/linear.ts';
import { notion } from '../../src/providers/notion.ts';
import { trello } from '../../src/providers/trello.ts';

export const samples: readonly ProviderSample[] = [
  {
    provider: linear,
    evidence: 'sdk',
    secret: 'lin_wh_8f2c1b9d4e7a',
    request: {
      body: JSON.stringify({
        action: 'create',
        type: 'Issue',
        createdAt: '2023-11-14T22:13:19.900Z',
        data: { id: '539068e2-ae88-4d09-bd75-22eb4a59612f', number: 42, title: 'Fix the door' },
        organizationId: 'dafc3dd9-7a8f-4e3d-a6c2-1d2e3f4a5b6c',
        webhookTimestamp: 1_700_000_000_000,
        webhookId: '000042e3-d123-4980-b49f-8e140eef9329',
      }),
      headers: {
        'Linear-Delivery': '234d1a4e-b617-4388-90fe-adc3633d6b72',
        'Linear-Event': 'Issue',
      },
    },
    events: [
      {
        type: 'Issue.create',
        id: '234d1a4e-b617-4388-90fe-adc3633d6b72',
        timeSeconds: Date.parse('2023-11-14T22:13:19.900Z') / 1_000,
        orderKey: '539068e2-ae88-4d09-bd75-22eb4a59612f',
      },
    ],
    oracle: hmacOracle('linear-signature'),
  },
  {
    provider: notion,
    evidence: 'vector',
    secret: 'secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl',
    request: {
      body: JSON.stringify({
        id: '367cba44-b6f3-4c92-81e7-6a2e9659efd4',
        timestamp: '2024-12-05T23:55:34.285Z',
        type: 'page.created',
        entity: { id: '153104cd-477e-809d-8dc4-ff2d96ae3090', type: 'page' },
        attempt_number: 1,
        data: { parent: { id: '36cc9195-760f-4fff-a67e-3a46c559b176', type: 'space' } },
      }),
    },
    events: [
      {
        type: 'page.created',
        id: '367cba44-b6f3-4c92-81e7-6a2e9659efd4',
        timeSeconds: Date.parse('2024-12-05T23:55:34.285Z') / 1_000,
        orderKey: '153104cd-477e-809d-8dc4-ff2d96ae3090',
      },
    ],
    oracle: hmacOracle('x-notion-signature', { prefix: 'sha256=' }),
  },
  {
    provider: airtable,
    evidence: 'others',
    secret: 'G1K+l2v8YzQm0p5r7t9wXyZaBcDeFgHiJkLmNoPqRsTuVwXy',
    request: {
      body: JSON.stringify({
        base: { id: 'app00000000000000' },
        webhook: { id: 'ach00000000000000' },
        timestamp: '2022-02-01T21:25:05.663Z',
      }),
    },
    events: [
      {
        type: 'changed',
        id: 'ach00000000000000.2022-02-01T21:25:05.663Z',
        timeSeconds: Date.parse('2022-02-01T21:25:05.663Z') / 1_000,
        orderKey: 'ach00000000000000',
      },
    ],
    oracle: hmacOracle('x-airtable-content-mac', {
      prefix: 'hmac-sha256=',
      key: (secret) => Buffer.from(secret, 'base64'),
    }),
  },
  {
    provider: asana,
    evidence: 'document',
    secret: 'b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81',
    request: {
      body: JSON.stringify({
        events: [
          {
            user: { gid: '12345', resource_type: 'user' },
            created_at: '2013-08-21T18:20:37.972Z',
            action: 'changed',
            resource: { gid: '1337', resource_type: 'task', resource_subtype: 'default_task' },
            parent: null,
            change: { field: 'name', action: 'changed' },
          },
          {
            created_at: '2013-08-21T18:22:45.421Z',
            action: 'added',
            resource: { gid: '1338', resource_type: 'story' },
            parent: { gid: '1337', resource_type: 'task' },
          },
        ],
      }),
    },
    events: [
      {
        type: 'task.changed',
        timeSeconds: Date.parse('2013-08-21T18:20:37.972Z') / 1_000,
        orderKey: '1337',
      },
      {
        type: 'story.added',
        timeSeconds: Date.parse('2013-08-21T18:22:45.421Z') / 1_000,
        orderKey: '1338',
      },
    ],
    oracle: hmacOracle('x-hook-signature'),
  },
  {
    provider: trello,
    evidence: 'document',
    secret: '7f94d1e0b2c3a4958671',
    request: {
      url: 'https://hooks.example.com/in/trello?board=1',
      body: JSON.stringify({
        action: {
          id: '51f9424bcd6e040f3c002412',
          type: 'updateCard',
          date: '2013-07-31T16:58:51.949Z',
          data: { card: { id: '51a79e72dbb7e23c7c003778' }, board: { id: '4d5ea62fd76aa1136000000c' } },
        },
        model: { id: '4d5ea62fd76aa1136000000c', name: 'Trello Development' },
      }),
    },
    events: [
      {
        type: 'updateCard',
        id: '51f9424bcd6e040f3c002412',
        timeSeconds: Date.parse('2013-07-31T16:58:51.949Z') / 1_000,
        orderKey: '51a79e72dbb7e23c7c003778',
      },
    ],
    oracle: ({ body, url }, secret) => ({
      'x-trello-webhook': createHmac('sha1', secret).update(body).update(url).digest('base64'),
    }),
  },
  {
    provider: jira,
    evidence: 'vector',
    secret: 'a secret of the webhook',
    request: {
      body: JSON.stringify({
        timestamp: 1_525_698_237_764,
        webhookEvent: 'jira:issue_updated',
        issue_event_type_name: 'issue_generic',
        issue: { id: '99291', key: 'JRA-20002', fields: { summary: 'I feel the need for speed' } },
        changelog: { id: '10124', items: [{ field: 'status', fromString: 'To Do', toString: 'Done' }] },
      }),
      headers: { 'X-Atlassian-Webhook-Identifier': '2f8e9a70-5c41-4a6d-9a3b-1e7d6c5b4a39' },
    },
    events: [
      {
        type: 'jira:issue_updated',
        id: '2f8e9a70-5c41-4a6d-9a3b-1e7d6c5b4a39',
        timeSeconds: 1_525_698_237.764,
        orderKey: '99291',
      },
    ],
    oracle: hmacOracle('x-hub-signature', { prefix: 'sha256=' }),
  },
  {
    provider: clickup,
    evidence: 'document',
    secret: 'O94IM25S7PXBPYTMNXLLET230SRP0S89COR7B1YOJ2ZIE8WQNK5UUKEF26W0Z5GA',
    request: {
      body: JSON.stringify({
        event: 'taskStatusUpdated',
        history_items: [
          {
            id: '2800787326392370170',
            type: 1,
            date: '1642736073330',
            field: 'status',
            parent_id: '162641062',
          },
        ],
        task_id: '1vj38vv',
        webhook_id: '7fa3ec74-69a8-4530-a251-8a13730bd204',
      }),
    },
    events: [
      {
        type: 'taskStatusUpdated',
        id: '2800787326392370170',
        timeSeconds: 1_642_736_073.33,
        orderKey: '1vj38vv',
      },
    ],
    oracle: hmacOracle('x-signature'),
  },
  {
    provider: attio,
    evidence: 'document',
    secret: '8f2c1b9d4e7a60535241',
    request: {
      body: JSON.stringify({
        webhook_id: '23e42eaf-323a-41da-b5bb-fd67eebda553',
        events: [
          {
            event_type: 'record.updated',
            id: {
              workspace_id: '14beef7a-99f7-4534-a87e-70b564330a4c',
              object_id: '97052eb9-e65e-443f-a297-f2d9a4a7f795',
              record_id: 'bf071e1f-6035-429d-b874-d83ea64ea13b',
              attribute_id: '41252299-f8c7-4b5e-99c9-4ff8321d2f96',
            },
            actor: { type: 'workspace-member', id: '50cf242c-7fa3-4cad-87d0-75b1af71c57b' },
          },
        ],
      }),
      headers: { 'Idempotency-Key': 'a7c1e2d3-4b5f-4a6e-8d9c-0b1a2f3e4d5c' },
    },
    events: [
      {
        type: 'record.updated',
        id: 'a7c1e2d3-4b5f-4a6e-8d9c-0b1a2f3e4d5c.record.updated.bf071e1f-6035-429d-b874-d83ea64ea13b.41252299-f8c7-4b5e-99c9-4ff8321d2f96',
        orderKey: 'bf071e1f-6035-429d-b874-d83ea64ea13b',
      },
    ],
    oracle: hmacOracle('attio-signature'),
  },
  {
    provider: dropbox,
    evidence: 'document',
    secret: '3x8bq1n7v0e5k2m',
    request: {
      body: JSON.stringify({
        list_folder: {
          accounts: ['dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc', 'dbid:AAGx4oiLtHdvRdNxUpvvJBXYgR4BS19c9kw'],
        },
        delta: { users: [12_345_678, 23_456_789] },
      }),
    },
    events: [
      { type: 'list_folder', orderKey: 'dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc' },
      { type: 'list_folder', orderKey: 'dbid:AAGx4oiLtHdvRdNxUpvvJBXYgR4BS19c9kw' },
    ],
    oracle: hmacOracle('x-dropbox-signature'),
  },
  {
    provider: jobber,
    evidence: 'document',
    secret: 'e1f4a3d2c5b6978812345',
    request: {
      body: JSON.stringify({
        data: {
          webHookEvent: {
            topic: 'CLIENT_CREATE',
            appId: '3ef22a50-072d-430c-a78f-b7646657560b',
            accountId: 'MQ==',
            itemId: 'MQ==',
            occurredAt: '2021-08-12T16:31:36-06:00',
          },
        },
      }),
    },
    events: [
      {
        type: 'CLIENT_CREATE',
        id: 'CLIENT_CREATE.MQ==.2021-08-12T16:31:36-06:00',
        timeSeconds: Date.parse('2021-08-12T22:31:36Z') / 1_000,
        orderKey: 'MQ==',
      },
    ],
    oracle: hmacOracle('x-jobber-hmac-sha256', { encoding: 'base64' }),
  },
];
