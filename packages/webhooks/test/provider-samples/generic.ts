import { createHmac } from 'node:crypto';
import { genericHmac } from '../../src/providers/generic-hmac.ts';
import { genericToken } from '../../src/providers/generic-token.ts';
import { genericWebhook } from '../../src/providers/generic-webhook.ts';
import type { ProviderSample } from '../support/provider-sample.ts';

export const samples: readonly ProviderSample[] = [
  {
    provider: genericWebhook,
    evidence: 'document',
    secret: '',
    unprotected: ['body'],
    request: {
      body: '{"type":"sensor.read","value":21}',
      headers: { 'Idempotency-Key': '8e03978e-40d5-43e8-bc93-6894a57f9324' },
    },
    events: [{ type: 'sensor.read', id: '8e03978e-40d5-43e8-bc93-6894a57f9324' }],
  },
  {
    provider: genericHmac,
    evidence: 'others',
    secret: 'a key that both know',
    settings: { header: 'X-Signature', algorithm: 'sha512' },
    request: {
      body: '{"type":"door.open","id":"7"}',
      headers: { 'Idempotency-Key': 'c1a5298f-9389-4e78-a5a7-1d4ed3b0a7ba' },
    },
    events: [{ type: 'door.open', id: 'c1a5298f-9389-4e78-a5a7-1d4ed3b0a7ba' }],
    oracle: ({ body }, secret) => ({
      'x-signature': `sha512=${createHmac('sha512', secret).update(body).digest('hex')}`,
    }),
  },
  {
    provider: genericToken,
    evidence: 'document',
    secret: 'a token that both know',
    settings: { place: 'header:X-Door-Token' },
    unprotected: ['body'],
    request: {
      body: '{"event":"door.shut"}',
      headers: { 'Webhook-Id': 'msg_door_8' },
    },
    events: [{ type: 'door.shut', id: 'msg_door_8' }],
    oracle: (_draft, secret) => ({ 'x-door-token': secret }),
  },
];
