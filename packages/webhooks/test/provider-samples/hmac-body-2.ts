// Shops and subscriptions: an HMAC of the raw body, or a secret that is sent along.
import { hmacOracle } from '../support/hmac-oracle.ts';
import type { ProviderSample } from '../support/provider-sample.ts';
import { bigcommerce } from '../../src/providers/bigcommerce.ts';
import { coinbaseCommerce } from '../../src/providers/coinbase-commerce.ts';
import { easypost } from '../../src/providers/easypost.ts';
import { fastspring } from '../../src/providers/fastspring.ts';
import { fourthwall } from '../../src/providers/fourthwall.ts';
import { lemonSqueezy } from '../../src/providers/lemon-squeezy.ts';
import { onfleet } from '../../src/providers/onfleet.ts';
import { shopify } from '../../src/providers/shopify.ts';
import { woocommerce } from '../../src/providers/woocommerce.ts';

export const samples: readonly ProviderSample[] = [
  {
    provider: shopify,
    evidence: 'vector',
    secret: 'test_secret_key',
    request: {
      body: JSON.stringify({
        id: 5_341_234_567_890,
        admin_graphql_api_id: 'gid://shopify/Order/5341234567890',
        email: 'jon@example.com',
        total_price: '404.95',
        name: '#9999',
      }),
      headers: {
        'X-Shopify-Topic': 'orders/create',
        'X-Shopify-Shop-Domain': 'johns-apparel.myshopify.com',
        'X-Shopify-Webhook-Id': 'b54557e4-bdd9-4b37-8a5f-bf7d70bcd043',
        'X-Shopify-Event-Id': '98880550-7158-44d4-b7cd-2c97c8a091b5',
        'X-Shopify-Triggered-At': '2023-03-29T18:00:27.877041743Z',
        'X-Shopify-API-Version': '2024-10',
      },
    },
    events: [
      {
        type: 'orders/create',
        id: 'b54557e4-bdd9-4b37-8a5f-bf7d70bcd043',
        timeSeconds: Date.parse('2023-03-29T18:00:27.877Z') / 1_000,
        orderKey: 'johns-apparel.myshopify.com/5341234567890',
      },
    ],
    oracle: hmacOracle('x-shopify-hmac-sha256', { encoding: 'base64' }),
  },
  {
    provider: woocommerce,
    evidence: 'document',
    secret: 'x;vFa2TTQ1-Rr*6',
    request: {
      body: JSON.stringify({ id: 727, status: 'processing', currency: 'USD', total: '29.35' }),
      headers: {
        'X-WC-Webhook-Source': 'https://shop.example.com/',
        'X-WC-Webhook-Topic': 'order.updated',
        'X-WC-Webhook-Resource': 'order',
        'X-WC-Webhook-Event': 'updated',
        'X-WC-Webhook-ID': '142',
        'X-WC-Webhook-Delivery-ID': '93c9a8ad4d7a5c8c1c0c3e9e41e8dfb6',
      },
    },
    events: [{ type: 'order.updated', id: '93c9a8ad4d7a5c8c1c0c3e9e41e8dfb6', orderKey: 'order.727' }],
    oracle: hmacOracle('x-wc-webhook-signature', { encoding: 'base64' }),
  },
  {
    provider: bigcommerce,
    evidence: 'document',
    secret: '6f1f8b6a2e0d4a15',
    request: {
      body: JSON.stringify({
        created_at: 1_561_482_670,
        store_id: '1025646',
        producer: 'stores/abcde',
        scope: 'store/order/statusUpdated',
        hash: '3f9ea420af83450d7ef9f78b08c8af25b2213637',
        data: { type: 'order', id: 250, status: { previous_status_id: 0, new_status_id: 11 } },
      }),
    },
    events: [
      {
        type: 'store/order/statusUpdated',
        id: '3f9ea420af83450d7ef9f78b08c8af25b2213637',
        timeSeconds: 1_561_482_670,
        orderKey: 'stores/abcde/order/250',
      },
    ],
    unprotected: ['body'],
    oracle: (_, secret) => ({ authorization: secret }),
  },
  {
    provider: lemonSqueezy,
    evidence: 'document',
    secret: 'a-signing-secret',
    request: {
      body: JSON.stringify({
        meta: { event_name: 'subscription_updated', custom_data: { user_id: 123 } },
        data: {
          type: 'subscriptions',
          id: '1',
          attributes: { status: 'active', updated_at: '2021-08-11T13:54:19.000000Z' },
        },
      }),
      headers: { 'X-Event-Name': 'subscription_updated' },
    },
    events: [
      {
        type: 'subscription_updated',
        id: 'subscription_updated.subscriptions.1.2021-08-11T13:54:19.000000Z',
        timeSeconds: Date.parse('2021-08-11T13:54:19Z') / 1_000,
        orderKey: 'subscriptions.1',
      },
    ],
    oracle: hmacOracle('x-signature'),
  },
  {
    provider: fastspring,
    evidence: 'document',
    secret: 'a key of the webhook',
    request: {
      body: JSON.stringify({
        events: [
          {
            id: 'j1Lrp5_lQJuxl7BeEhAG4A',
            processed: false,
            created: 1_426_560_444_900,
            type: 'subscription.activated',
            live: true,
            data: { id: 'SUB-1', subscription: 'SUB-1', state: 'active' },
          },
          {
            id: 'b9cDk2_lQJuxl7BeEhAG4A',
            processed: false,
            created: 1_426_560_445_000,
            type: 'order.completed',
            live: true,
            data: { id: 'ORD-1', order: 'ORD-1', completed: true },
          },
        ],
      }),
    },
    events: [
      {
        type: 'subscription.activated',
        id: 'j1Lrp5_lQJuxl7BeEhAG4A',
        timeSeconds: 1_426_560_444.9,
        orderKey: 'SUB-1',
      },
      {
        type: 'order.completed',
        id: 'b9cDk2_lQJuxl7BeEhAG4A',
        timeSeconds: 1_426_560_445,
        orderKey: 'ORD-1',
      },
    ],
    oracle: hmacOracle('x-fs-signature', { encoding: 'base64' }),
  },
  {
    provider: fourthwall,
    evidence: 'document',
    secret: '92a1e1c1f0a54b6f',
    request: {
      body: JSON.stringify({
        testMode: false,
        id: 'weve_HfYUmKVlRXeBZR2VB0qWug',
        webhookId: 'wcon_JJWmv4NkTYy2kJkqYvVY4A',
        shopId: 'sh_d5a0d4d4-1b0e-4f4e-8d3a-2d5c8c4ae6a1',
        type: 'ORDER_PLACED',
        apiVersion: 'V1',
        createdAt: '2023-11-02T08:21:19.234Z',
        data: { id: '4f3cbd0e-8a5d-4a1b-9f2c-6f4a3b1d2c5e', friendlyId: 'D3XRN2SF', status: 'CONFIRMED' },
      }),
    },
    events: [
      {
        type: 'ORDER_PLACED',
        id: 'weve_HfYUmKVlRXeBZR2VB0qWug',
        timeSeconds: Date.parse('2023-11-02T08:21:19.234Z') / 1_000,
        orderKey: '4f3cbd0e-8a5d-4a1b-9f2c-6f4a3b1d2c5e',
      },
    ],
    oracle: hmacOracle('x-fourthwall-hmac-sha256', { encoding: 'base64' }),
  },
  {
    provider: coinbaseCommerce,
    evidence: 'vector',
    secret: '30291a20-0bd1-4267-9b0f-e6e7b123c0bf',
    request: {
      body: JSON.stringify({
        id: 1,
        scheduled_for: '2017-01-31T20:50:02Z',
        attempt_number: 1,
        event: {
          id: '24934862-d980-46cb-9402-43c81b0cdba6',
          type: 'charge:created',
          api_version: '2018-03-22',
          created_at: '2017-01-31T20:49:02Z',
          data: { code: '66BEOV2A', name: 'The Sovereign Individual' },
        },
      }),
    },
    events: [
      {
        type: 'charge:created',
        id: '24934862-d980-46cb-9402-43c81b0cdba6',
        timeSeconds: Date.parse('2017-01-31T20:49:02Z') / 1_000,
        orderKey: '66BEOV2A',
      },
    ],
    oracle: hmacOracle('x-cc-webhook-signature'),
  },
  {
    provider: easypost,
    evidence: 'vector',
    // In the form that a keyboard makes: two letters when it is normalised.
    secret: 'sécret',
    request: {
      body: '{"description":"tracker.updated","created_at":"2024-08-02T19:26:52.000Z","id":"evt_1","object":"Event","result":{"id":"trk_1","status":"in_transit","weight":614.0}}',
    },
    events: [
      {
        type: 'tracker.updated',
        id: 'evt_1',
        timeSeconds: Date.parse('2024-08-02T19:26:52Z') / 1_000,
        orderKey: 'trk_1',
      },
    ],
    oracle: hmacOracle('x-hmac-signature', {
      prefix: 'hmac-sha256-hex=',
      key: (secret) => secret.normalize('NFKD'),
    }),
  },
  {
    provider: onfleet,
    evidence: 'document',
    secret: 'f1c6bacb24c07a2ab904408f97c539f4f23e10a7eb30e66a37ed42f8a47ed5c2',
    request: {
      body: JSON.stringify({
        taskId: '11z1BbsQUZFHD1XAd~emDDeK',
        workerId: 'mIJjnzsoDDVXPbTDVB~z4LCN',
        actionContext: null,
        data: { task: { id: '11z1BbsQUZFHD1XAd~emDDeK', state: 3 } },
        time: 1_455_072_025_000,
        triggerId: 3,
        triggerName: 'taskCompleted',
      }),
    },
    events: [
      {
        type: 'taskCompleted',
        id: '3.11z1BbsQUZFHD1XAd~emDDeK.1455072025000',
        timeSeconds: 1_455_072_025,
        orderKey: '11z1BbsQUZFHD1XAd~emDDeK',
      },
    ],
    oracle: hmacOracle('x-onfleet-signature', {
      algorithm: 'sha512',
      key: (secret) => Buffer.from(secret, 'hex'),
    }),
  },
];
