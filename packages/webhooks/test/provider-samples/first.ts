import { createHmac } from 'node:crypto';
import Stripe from 'stripe';
import { github } from '../../src/providers/github.ts';
import { slack } from '../../src/providers/slack.ts';
import { standardWebhooks } from '../../src/providers/standard-webhooks.ts';
import { stripe } from '../../src/providers/stripe.ts';
import { signedAtSeconds, standardOracle } from '../support/oracles.ts';
import type { ProviderSample } from '../support/provider-sample.ts';

const hmac = (key: string, content: string) => createHmac('sha256', key).update(content);

export const samples: readonly ProviderSample[] = [
  {
    provider: github,
    evidence: 'vector',
    secret: 'It is a Secret to Everybody',
    request: {
      body: '{"action":"opened","number":1}',
      headers: {
        'X-GitHub-Event': 'pull_request',
        'X-GitHub-Delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
      },
    },
    events: [{ type: 'pull_request.opened', id: '72d3162e-cc78-11e3-81ab-4c9367dc0958' }],
    oracle: ({ body }, secret) => ({
      'x-hub-signature-256': `sha256=${hmac(secret, Buffer.from(body).toString()).digest('hex')}`,
    }),
  },
  {
    provider: stripe,
    evidence: 'sdk',
    secret: 'whsec_test_secret',
    request: {
      body: '{"id":"evt_1","type":"invoice.paid","created":1700000000,"data":{"object":{"id":"in_1"}}}',
    },
    events: [{ type: 'invoice.paid', id: 'evt_1', timeSeconds: 1_700_000_000, orderKey: 'in_1' }],
    oracle: ({ body }, secret) => ({
      'stripe-signature': new Stripe('sk_test_1').webhooks.generateTestHeaderString({
        payload: Buffer.from(body).toString(),
        secret,
        timestamp: signedAtSeconds,
      }),
    }),
  },
  {
    provider: slack,
    evidence: 'vector',
    secret: '8f742231b10e8888abcd99yyyzzz85a5',
    request: {
      body: '{"type":"event_callback","event_id":"Ev08MFMKH6","event_time":1234567890,"event":{"type":"app_mention"}}',
    },
    events: [{ type: 'app_mention', id: 'Ev08MFMKH6', timeSeconds: 1_234_567_890 }],
    oracle: ({ body }, secret) => ({
      'x-slack-signature': `v0=${hmac(secret, `v0:${signedAtSeconds}:${Buffer.from(body).toString()}`).digest('hex')}`,
    }),
  },
  {
    provider: standardWebhooks,
    evidence: 'vector',
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    request: {
      body: '{"type":"user.created","timestamp":"2022-11-03T20:26:10Z"}',
      headers: { 'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek' },
    },
    events: [{ type: 'user.created', id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timeSeconds: 1_667_507_170 }],
    oracle: standardOracle('webhook-'),
  },
];
