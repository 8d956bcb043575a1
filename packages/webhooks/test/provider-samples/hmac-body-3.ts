// Payments, banks and books: an HMAC of the raw body.
import { hmacOracle } from '../support/hmac-oracle.ts';
import type { ProviderSample } from '../support/provider-sample.ts';
import { authorizeNet } from '../../src/providers/authorize-net.ts';
import { dwolla } from '../../src/providers/dwolla.ts';
import { flutterwave } from '../../src/providers/flutterwave.ts';
import { gocardless } from '../../src/providers/gocardless.ts';
import { modernTreasury } from '../../src/providers/modern-treasury.ts';
import { mollieClassic } from '../../src/providers/mollie-classic.ts';
import { mollie } from '../../src/providers/mollie.ts';
import { paystack } from '../../src/providers/paystack.ts';
import { quickbooks } from '../../src/providers/quickbooks.ts';
import { ramp } from '../../src/providers/ramp.ts';
import { razorpay } from '../../src/providers/razorpay.ts';
import { xero } from '../../src/providers/xero.ts';

export const samples: readonly ProviderSample[] = [
  {
    provider: gocardless,
    evidence: 'vector',
    secret: 'ED7D658C-D8EB-4941-948B-3973214F2D49',
    request: {
      body: JSON.stringify({
        events: [
          {
            id: 'EV00BD05S5VM2T',
            created_at: '2018-07-05T09:13:51.404Z',
            resource_type: 'subscriptions',
            action: 'created',
            links: { subscription: 'SB0003JJQ2MR06' },
          },
          {
            id: 'EV00BD05TB8K63',
            created_at: '2018-07-05T09:13:56.893Z',
            resource_type: 'mandates',
            action: 'created',
            links: { mandate: 'MD000AMA19XGEC' },
          },
        ],
        meta: { webhook_id: 'WB123' },
      }),
    },
    events: [
      {
        type: 'subscriptions.created',
        id: 'EV00BD05S5VM2T',
        timeSeconds: Date.parse('2018-07-05T09:13:51.404Z') / 1_000,
        orderKey: 'SB0003JJQ2MR06',
      },
      {
        type: 'mandates.created',
        id: 'EV00BD05TB8K63',
        timeSeconds: Date.parse('2018-07-05T09:13:56.893Z') / 1_000,
        orderKey: 'MD000AMA19XGEC',
      },
    ],
    oracle: hmacOracle('webhook-signature'),
  },
  {
    provider: modernTreasury,
    evidence: 'vector',
    secret: 'hello, world',
    request: {
      body: JSON.stringify({
        event: 'created',
        data: {
          id: '2a4b8c1e-6f2d-4f0a-9a3d-5d4c3b2a1f0e',
          object: 'payment_order',
          updated_at: '2020-08-04T16:54:32Z',
        },
      }),
      headers: { 'X-Topic': 'payment_order', 'X-Idempotency-Key': '0f4f5a0b-1c2d-4e3f-8a9b-0c1d2e3f4a5b' },
    },
    events: [
      {
        type: 'payment_order.created',
        id: '0f4f5a0b-1c2d-4e3f-8a9b-0c1d2e3f4a5b',
        timeSeconds: Date.parse('2020-08-04T16:54:32Z') / 1_000,
        orderKey: '2a4b8c1e-6f2d-4f0a-9a3d-5d4c3b2a1f0e',
      },
    ],
    oracle: hmacOracle('x-signature'),
  },
  {
    provider: razorpay,
    evidence: 'vector',
    secret: '123456',
    request: {
      body: JSON.stringify({
        entity: 'event',
        account_id: 'acc_BFQ7uQEaa7j2z7',
        event: 'payment.captured',
        contains: ['payment'],
        payload: { payment: { entity: { id: 'pay_DESlfW9H8K9uqM', order_id: 'order_DESlLckIVRkHWj' } } },
        created_at: 1_567_674_606,
      }),
      headers: { 'X-Razorpay-Event-Id': 'DESm1HJ4oQEfvR' },
    },
    events: [
      {
        type: 'payment.captured',
        id: 'DESm1HJ4oQEfvR',
        timeSeconds: 1_567_674_606,
        orderKey: 'order_DESlLckIVRkHWj',
      },
    ],
    oracle: hmacOracle('x-razorpay-signature'),
  },
  {
    provider: paystack,
    evidence: 'document',
    secret: 'sk_test_4f8e2a6c1b9d',
    request: {
      body: JSON.stringify({
        event: 'charge.success',
        data: { id: 302_961, domain: 'live', status: 'success', reference: 'qTPrJoy9Bx', amount: 10_000 },
      }),
    },
    events: [{ type: 'charge.success', id: 'charge.success.302961.success', orderKey: 'qTPrJoy9Bx' }],
    oracle: hmacOracle('x-paystack-signature', { algorithm: 'sha512' }),
  },
  {
    provider: flutterwave,
    evidence: 'document',
    secret: 'a-secret-hash-of-your-own',
    request: {
      body: JSON.stringify({
        webhook_id: 'wbk_6bTdXgmfZKYmSa2yD8nP',
        timestamp: 1_735_117_201_000,
        type: 'charge.completed',
        data: { id: 'chg_3Z9Xv1Ym4R', reference: 'ref-1f0a', status: 'succeeded', amount: 1_200 },
      }),
    },
    events: [{ type: 'charge.completed', id: 'wbk_6bTdXgmfZKYmSa2yD8nP', orderKey: 'ref-1f0a' }],
    oracle: hmacOracle('flutterwave-signature', { encoding: 'base64' }),
  },
  {
    provider: mollie,
    evidence: 'document',
    secret: 'a-secret-of-the-subscription',
    request: {
      body: JSON.stringify({
        resource: 'event',
        id: 'event_GvJ8WHrp5isUdRub9CJyH',
        type: 'payment-link.paid',
        entityId: 'pl_qng5gbbv8NAZ5gpM5ZYgx',
        createdAt: '2024-12-16T15:59:04.0Z',
      }),
    },
    events: [
      {
        type: 'payment-link.paid',
        id: 'event_GvJ8WHrp5isUdRub9CJyH',
        timeSeconds: Date.parse('2024-12-16T15:59:04Z') / 1_000,
        orderKey: 'pl_qng5gbbv8NAZ5gpM5ZYgx',
      },
    ],
    oracle: hmacOracle('x-mollie-signature', { prefix: 'sha256=' }),
  },
  {
    provider: mollieClassic,
    evidence: 'document',
    secret: 'none',
    request: {
      body: 'id=tr_d0b0E3EA3v',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    },
    events: [{ type: 'changed', orderKey: 'tr_d0b0E3EA3v' }],
    unprotected: ['body'],
  },
  {
    provider: dwolla,
    evidence: 'document',
    secret: 'sshhhhhh',
    request: {
      body: JSON.stringify({
        id: '80d8ff7d-7e5a-4975-ade8-9e97306d6c15',
        resourceId: 'b4cc7a38-b1b5-4f2b-9d1e-0f7f2b9e3a44',
        topic: 'customer_transfer_completed',
        timestamp: '2015-10-22T14:44:11.407Z',
        _links: { resource: { href: 'https://api.dwolla.com/transfers/b4cc7a38' } },
      }),
    },
    events: [
      {
        type: 'customer_transfer_completed',
        id: '80d8ff7d-7e5a-4975-ade8-9e97306d6c15',
        timeSeconds: Date.parse('2015-10-22T14:44:11.407Z') / 1_000,
        orderKey: 'b4cc7a38-b1b5-4f2b-9d1e-0f7f2b9e3a44',
      },
    ],
    oracle: hmacOracle('x-request-signature-sha-256'),
  },
  {
    provider: ramp,
    evidence: 'document',
    secret: 'rwhs_3b6c53ccbb656d21',
    request: {
      body: JSON.stringify({
        id: 'wbhe_3Z9Xv1Ym4R',
        type: 'transactions.cleared',
        created_at: '2026-02-01T12:00:00+00:00',
        business_id: '6f1f8b6a-2e0d-4a15-8c1c-0c3e9e41e8df',
        object: { id: 'c1111111-1111-4111-8111-111111111111' },
      }),
    },
    events: [
      {
        type: 'transactions.cleared',
        id: 'wbhe_3Z9Xv1Ym4R',
        timeSeconds: Date.parse('2026-02-01T12:00:00Z') / 1_000,
        orderKey: 'c1111111-1111-4111-8111-111111111111',
      },
    ],
    oracle: hmacOracle('x-ramp-signature'),
  },
  {
    provider: authorizeNet,
    evidence: 'others',
    secret: '2679A5D5785C9B26CF921E1754765CDDB265C9C88400786923E5343B315954FA',
    request: {
      body: JSON.stringify({
        notificationId: 'd0e8e7fe-c3e7-4add-a480-27bc5ce28a18',
        eventType: 'net.authorize.payment.authcapture.created',
        eventDate: '2017-03-29T20:48:02.0080095Z',
        webhookId: '63d6fea2-aa13-4b1d-a204-f5fbc15942b7',
        payload: { responseCode: 1, authAmount: 45, entityName: 'transaction', id: '60020981676' },
      }),
    },
    events: [
      {
        type: 'net.authorize.payment.authcapture.created',
        id: 'd0e8e7fe-c3e7-4add-a480-27bc5ce28a18',
        timeSeconds: Date.parse('2017-03-29T20:48:02.008Z') / 1_000,
        orderKey: '60020981676',
      },
    ],
    oracle: hmacOracle('x-anet-signature', { algorithm: 'sha512', prefix: 'sha512=' }),
  },
  {
    provider: xero,
    evidence: 'document',
    secret: 's8O4LPDAYzcgQ0zyNv2PDsjZfmSPTwSkXhu4wqp0FBk=',
    request: {
      body: JSON.stringify({
        events: [
          {
            resourceUrl: 'https://api.xero.com/api.xro/2.0/Contacts/717f2bfc-c6d4-41fd-b238-3f2f0c0cf777',
            resourceId: '717f2bfc-c6d4-41fd-b238-3f2f0c0cf777',
            eventDateUtc: '2017-06-21T01:15:39.902',
            eventType: 'UPDATE',
            eventCategory: 'CONTACT',
            tenantId: 'c2cc9b6e-9458-4c7d-93cc-f02b81b0594f',
            tenantType: 'ORGANISATION',
          },
        ],
        firstEventSequence: 1,
        lastEventSequence: 1,
        entropy: 'S0m3r4Nd0mt3xt',
      }),
    },
    events: [
      {
        type: 'CONTACT.UPDATE',
        id: 'c2cc9b6e-9458-4c7d-93cc-f02b81b0594f.717f2bfc-c6d4-41fd-b238-3f2f0c0cf777.UPDATE.2017-06-21T01:15:39.902',
        orderKey: '717f2bfc-c6d4-41fd-b238-3f2f0c0cf777',
      },
    ],
    oracle: hmacOracle('x-xero-signature', { encoding: 'base64' }),
  },
  {
    provider: quickbooks,
    evidence: 'vector',
    secret: '2f8e9a70-5c41-4a6d-9a3b-1e7d6c5b4a39',
    request: {
      body: JSON.stringify({
        eventNotifications: [
          {
            realmId: '1185883450',
            dataChangeEvent: {
              entities: [
                { name: 'Customer', id: '1', operation: 'Create', lastUpdated: '2015-10-05T14:42:19-0700' },
                { name: 'Vendor', id: '1', operation: 'Update', lastUpdated: '2015-10-05T14:42:20-0700' },
              ],
            },
          },
        ],
      }),
    },
    events: [
      {
        type: 'Customer.Create',
        id: '1185883450.Customer.1.Create.2015-10-05T14:42:19-0700',
        timeSeconds: Date.parse('2015-10-05T21:42:19Z') / 1_000,
        orderKey: '1185883450/1',
      },
      {
        type: 'Vendor.Update',
        id: '1185883450.Vendor.1.Update.2015-10-05T14:42:20-0700',
        timeSeconds: Date.parse('2015-10-05T21:42:20Z') / 1_000,
        orderKey: '1185883450/1',
      },
    ],
    oracle: hmacOracle('intuit-signature', { encoding: 'base64' }),
  },
  {
    provider: quickbooks,
    evidence: 'vector',
    secret: '2f8e9a70-5c41-4a6d-9a3b-1e7d6c5b4a39',
    request: {
      body: JSON.stringify([
        {
          specversion: '1.0',
          id: '88cd52aa-33b6-4351-9aa4-47572edbd068',
          source: 'intuit.dsnBgbseACLLRZNxo2dfc4evmEJdxde58xeeYcZliOU=',
          datacontenttype: 'application/json',
          type: 'qbo.invoice.updated.v1',
          time: '2025-09-10T21:31:25.179550410Z',
          intuitentityid: '1234',
          intuitaccountid: '310687',
          data: {},
        },
      ]),
    },
    events: [
      {
        type: 'qbo.invoice.updated.v1',
        id: '88cd52aa-33b6-4351-9aa4-47572edbd068',
        timeSeconds: Date.parse('2025-09-10T21:31:25.179Z') / 1_000,
        orderKey: '310687/1234',
      },
    ],
    oracle: hmacOracle('intuit-signature', { encoding: 'base64' }),
  },
];
