// A time in a header of its own, continued.
import { airwallex } from '../../src/providers/airwallex.ts';
import { box } from '../../src/providers/box.ts';
import { grafanaUntimed } from '../../src/providers/grafana-untimed.ts';
import { grafana } from '../../src/providers/grafana.ts';
import { orb } from '../../src/providers/orb.ts';
import { sinch } from '../../src/providers/sinch.ts';
import { mac, signedAtIso, signedAtMs, signedAtSeconds } from '../support/oracles.ts';
import type { ProviderSample } from '../support/provider-sample.ts';

const grafanaRequest = {
  body: '{"receiver":"My Super Webhook","status":"firing","orgId":1,"alerts":[],"groupKey":"{}:{alertname=\\"High\\"}"}',
};
const grafanaEvents = [{ type: 'alerts.firing', orderKey: '{}:{alertname="High"}' }];

export const samples: readonly ProviderSample[] = [
  {
    provider: grafana,
    evidence: 'document',
    secret: 'a-long-random-hmac-secret',
    request: grafanaRequest,
    events: grafanaEvents,
    oracle: ({ body }, secret) => ({
      'x-grafana-alerting-signature-timestamp': String(signedAtSeconds),
      'x-grafana-alerting-signature': mac(secret, `${signedAtSeconds}:`, body).digest('hex'),
    }),
  },
  {
    provider: grafanaUntimed,
    evidence: 'document',
    secret: 'a-long-random-hmac-secret',
    request: grafanaRequest,
    events: grafanaEvents,
    oracle: ({ body }, secret) => ({ 'x-grafana-alerting-signature': mac(secret, body).digest('hex') }),
  },
  {
    provider: orb,
    evidence: 'vector',
    secret: 'c-UGKYdnhHh436B_sMouYAPUvXyWpzOdunZBV5dFSD8',
    request: {
      body: '{"id": "o4mmewpfNNTnjfZc", "created_at": "2024-03-27T15:42:29+00:00", "type": "invoice.issued", "invoice": {"id": "in_1"}}',
    },
    events: [
      { type: 'invoice.issued', id: 'o4mmewpfNNTnjfZc', timeSeconds: 1_711_554_149, orderKey: 'in_1' },
    ],
    oracle: ({ body }, secret) => ({
      'x-orb-timestamp': signedAtIso,
      'x-orb-signature': `v1=${mac(secret, `v1:${signedAtIso}:`, body).digest('hex')}`,
    }),
  },
  {
    provider: sinch,
    evidence: 'vector',
    secret: 'foo_secret1234',
    request: {
      body: JSON.stringify({
        app_id: '01EB37HMH1M6SV18BSNS3G135H',
        event_time: '2020-11-17T15:09:13.267185Z',
        message_delivery_report: {
          message_id: '01EQBC1A3BEK731GY4YXEN0C2R',
          conversation_id: '01EPYATA64TMNZ1FV02JKF12JF',
          status: 'DELIVERED',
        },
      }),
      headers: { 'x-sinch-webhook-signature-nonce': '01FJA8B4A7BM43YGWSG9GBV067' },
    },
    events: [
      {
        type: 'DELIVERED',
        id: '01EQBC1A3BEK731GY4YXEN0C2R DELIVERED',
        timeSeconds: 1_605_625_753.267,
        orderKey: '01EPYATA64TMNZ1FV02JKF12JF',
      },
    ],
    oracle: ({ body }, secret) => ({
      'x-sinch-webhook-signature-timestamp': String(signedAtSeconds),
      'x-sinch-webhook-signature': mac(secret, body, `.01FJA8B4A7BM43YGWSG9GBV067.${signedAtSeconds}`).digest(
        'base64',
      ),
    }),
  },
  {
    provider: box,
    evidence: 'vector',
    secret: 'SamplePrimaryKey',
    request: {
      body: JSON.stringify({
        type: 'webhook_event',
        id: '0f43a5ff-ba46-4bba-9b5c-ba5eab0a7e83',
        trigger: 'FILE.UPLOADED',
        created_at: '2020-01-01T00:00:00-07:00',
        source: { id: '1234567890', type: 'file', name: 'Test.txt' },
      }),
    },
    events: [
      {
        type: 'FILE.UPLOADED',
        id: '0f43a5ff-ba46-4bba-9b5c-ba5eab0a7e83',
        timeSeconds: 1_577_862_000,
        orderKey: 'file:1234567890',
      },
    ],
    oracle: ({ body }, secret) => ({
      'box-delivery-timestamp': signedAtIso,
      'box-signature-primary': mac(secret, body, signedAtIso).digest('base64'),
    }),
  },
  {
    provider: airwallex,
    evidence: 'document',
    secret: 'whsec_NrCz3kYmGYjXVyGkLTFRFAGYLJYgtQ9A',
    request: {
      body: JSON.stringify({
        id: 'evt_hkdm2lsnn6q2w5sxs',
        name: 'payment_intent.succeeded',
        account_id: 'acct_1',
        created_at: '2024-06-19T09:55:12+0000',
        data: { object: { id: 'int_hkdm9x2b8gplrmhkmsk', status: 'SUCCEEDED' } },
      }),
    },
    events: [
      {
        type: 'payment_intent.succeeded',
        id: 'evt_hkdm2lsnn6q2w5sxs',
        timeSeconds: 1_718_790_912,
        orderKey: 'int_hkdm9x2b8gplrmhkmsk',
      },
    ],
    oracle: ({ body }, secret) => ({
      'x-timestamp': String(signedAtMs),
      'x-signature': mac(secret, String(signedAtMs), body).digest('hex'),
    }),
  },
];
