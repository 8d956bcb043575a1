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
];
