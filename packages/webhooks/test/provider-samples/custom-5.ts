// Providers whose headers you choose yourself, and those that prove nothing at all; and Event Grid's tokens.
import assert from 'node:assert/strict';
import { azureEventGridEntra } from '../../src/providers/azure-event-grid-entra.ts';
import { bitpay } from '../../src/providers/bitpay.ts';
import { datadog } from '../../src/providers/datadog.ts';
import { freshdesk } from '../../src/providers/freshdesk.ts';
import { googleCalendar } from '../../src/providers/google-calendar.ts';
import { googleDrive } from '../../src/providers/google-drive.ts';
import { gorgias } from '../../src/providers/gorgias.ts';
import { gumroad } from '../../src/providers/gumroad.ts';
import { jotform } from '../../src/providers/jotform.ts';
import { kustomer } from '../../src/providers/kustomer.ts';
import { mailchimp } from '../../src/providers/mailchimp.ts';
import { strapi } from '../../src/providers/strapi.ts';
import { supabaseDatabase } from '../../src/providers/supabase-database.ts';
import { jwkOf, privatePem, rsaKeys } from '../support/provider-keys.ts';
import { readToken } from '../support/read-token.ts';
import type { ProviderSample } from '../support/provider-sample.ts';

const at = '2023-11-14T22:13:20Z';
const timeSeconds = 1_700_000_000;
const formHeaders = { 'Content-Type': 'application/x-www-form-urlencoded' };
const common = { evidence: 'document', unprotected: ['body'] } as const;
const secret = 'Bearer a-long-random-value';
const inAuthorization = { oracle: (_draft: unknown, given: string) => ({ authorization: given }) };
const part = (name: string, value: string) =>
  `--b1\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;

const pushHeaders = {
  'X-Goog-Channel-ID': '4ba78bf0-6a47-11e2-bcfd-0800200c9a66',
  'X-Goog-Message-Number': '10',
  'X-Goog-Resource-ID': 'ret08u3rv24htgh289g',
};

export const samples: readonly ProviderSample[] = [
  {
    ...common,
    ...inAuthorization,
    provider: strapi,
    secret,
    request: {
      body: JSON.stringify({
        event: 'entry.create',
        createdAt: at,
        model: 'address',
        uid: 'api::address.address',
        entry: { id: 1, documentId: 'znrlzntu9ei5onjvwfaalu2v' },
      }),
      headers: { 'X-Strapi-Event': 'entry.create' },
    },
    events: [
      {
        type: 'entry.create',
        timeSeconds,
        orderKey: 'api::address.address:address:znrlzntu9ei5onjvwfaalu2v',
      },
    ],
  },
  {
    ...common,
    provider: supabaseDatabase,
    secret: 'a-long-random-value',
    settings: { header: 'X-Webhook-Secret' },
    request: {
      body: JSON.stringify({
        type: 'INSERT',
        table: 'orders',
        schema: 'public',
        record: { id: 7 },
        old_record: null,
      }),
    },
    events: [{ type: 'orders.INSERT', orderKey: 'public:orders:7' }],
    oracle: (_draft, given) => ({ 'x-webhook-secret': given }),
  },
  {
    ...common,
    ...inAuthorization,
    provider: datadog,
    secret,
    request: {
      body: JSON.stringify({
        id: '7654',
        alert_id: '12',
        alert_transition: 'Triggered',
        last_updated: '1700000000000',
      }),
    },
    events: [{ type: 'Triggered', id: '7654', timeSeconds, orderKey: '12' }],
  },
  {
    ...common,
    ...inAuthorization,
    provider: freshdesk,
    secret,
    request: {
      body: JSON.stringify({
        freshdesk_webhook: {
          ticket_id: 7,
          ticket_subject: 'Help',
          triggered_event: '{ticket_action:created}',
        },
      }),
    },
    events: [{ type: '{ticket_action:created}', orderKey: '7' }],
  },
  {
    ...common,
    ...inAuthorization,
    provider: gorgias,
    secret,
    request: { body: JSON.stringify({ ticket: { id: 12, status: 'open' } }) },
    events: [{ type: 'ticket.open', orderKey: '12' }],
  },
  {
    ...common,
    ...inAuthorization,
    provider: kustomer,
    secret,
    request: {
      body: JSON.stringify({
        id: '5f3c1d2e',
        name: 'kustomer.conversation.create',
        createdAt: at,
        data: { type: 'conversation', id: '5f3c1d2f' },
      }),
    },
    events: [{ type: 'kustomer.conversation.create', id: '5f3c1d2e', timeSeconds, orderKey: '5f3c1d2f' }],
  },
  {
    ...common,
    provider: googleDrive,
    secret: 'channel-token-0123456789',
    // Google sends no body; a byte stands here for tests that change one.
    request: { body: ' ', headers: { ...pushHeaders, 'X-Goog-Resource-State': 'update' } },
    events: [
      {
        type: 'update',
        id: '4ba78bf0-6a47-11e2-bcfd-0800200c9a66:10',
        orderKey: '4ba78bf0-6a47-11e2-bcfd-0800200c9a66',
      },
    ],
    oracle: (_draft, given) => ({ 'x-goog-channel-token': given }),
  },
  {
    ...common,
    provider: googleCalendar,
    secret: 'channel-token-0123456789',
    request: { body: ' ', headers: { ...pushHeaders, 'X-Goog-Resource-State': 'sync' } },
    events: [
      {
        type: 'sync',
        id: '4ba78bf0-6a47-11e2-bcfd-0800200c9a66:10',
        orderKey: '4ba78bf0-6a47-11e2-bcfd-0800200c9a66',
      },
    ],
    oracle: (_draft, given) => ({ 'x-goog-channel-token': given }),
  },
  {
    ...common,
    provider: jotform,
    secret: '',
    request: {
      body: `${part('formID', '223')}${part('submissionID', '5419')}${part('rawRequest', '{"q3_name":"Ada"}')}--b1--\r\n`,
      headers: { 'Content-Type': 'multipart/form-data; boundary=b1' },
    },
    events: [{ type: 'submission', id: '5419', orderKey: '223' }],
  },
  {
    ...common,
    provider: gumroad,
    secret: '',
    request: {
      body: 'sale_id=FO8TXN-dbxYaBdahG97Y-Q&sale_timestamp=2023-11-14T22:13:20Z&resource_name=refund&price=900',
      headers: formHeaders,
    },
    events: [
      {
        type: 'refund',
        id: 'refund:FO8TXN-dbxYaBdahG97Y-Q',
        timeSeconds,
        orderKey: 'FO8TXN-dbxYaBdahG97Y-Q',
      },
    ],
  },
  {
    ...common,
    provider: mailchimp,
    secret: '',
    request: {
      body: 'type=subscribe&fired_at=2023-11-14+22%3A13%3A20&data%5Bid%5D=8a25ff1d98&data%5Blist_id%5D=a6b5da1054',
      headers: formHeaders,
    },
    events: [
      {
        type: 'subscribe',
        id: 'subscribe:a6b5da1054:8a25ff1d98:2023-11-14 22:13:20',
        orderKey: '8a25ff1d98',
      },
    ],
  },
  {
    ...common,
    provider: bitpay,
    secret: '',
    request: {
      body: JSON.stringify({
        event: { code: 1005, name: 'invoice_confirmed' },
        data: { id: 'NKaqMuZhhh4Fhzw', status: 'confirmed', currentTime: 1_700_000_000_000 },
      }),
    },
    events: [
      {
        type: 'invoice_confirmed',
        id: 'invoice_confirmed:NKaqMuZhhh4Fhzw:confirmed',
        timeSeconds,
        orderKey: 'NKaqMuZhhh4Fhzw',
      },
    ],
  },
  {
    ...common,
    provider: azureEventGridEntra,
    secret: '',
    signingSecret: privatePem(rsaKeys),
    settings: { audience: 'api://hooks', tenantId: '84bd8158-6d4d-4958-8b9f-9d6445542f95' },
    published: {
      'https://login.microsoftonline.com/common/discovery/v2.0/keys': JSON.stringify({
        keys: [jwkOf(rsaKeys, 'test')],
      }),
    },
    request: {
      body: JSON.stringify([
        { id: '1', eventType: 'Microsoft.Storage.BlobCreated', eventTime: at, subject: 's', data: {} },
      ]),
    },
    events: [{ type: 'Microsoft.Storage.BlobCreated', id: '1', timeSeconds, orderKey: 's' }],
    async oracle({ headers }) {
      const { claims } = await readToken(headers['authorization']?.replace('Bearer ', ''), rsaKeys.publicKey);
      assert.equal(claims.aud, 'api://hooks');
      assert.equal(claims['azp'], '4962773b-9cdb-44cf-a8bf-237846a00ab7');
      return {};
    },
  },
];
