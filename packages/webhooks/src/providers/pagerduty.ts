import type { Provider } from '../provider/provider.ts';

export const pagerduty: Provider<'pagerduty'> = {
  name: 'pagerduty',
  title: 'PagerDuty',
  docs: 'https://developer.pagerduty.com/docs/webhook-signatures',
  grade: 'A',
  secret: { name: 'signing secret', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:x-pagerduty-signature',
        separator: ',',
        pairs: { separator: '=', take: 'v1' },
        encoding: 'hex',
      },
      content: '{body}',
    },
  ],
  event: {
    type: 'body:event.event_type',
    id: 'body:event.id',
    time: { at: 'body:event.occurred_at', unit: 'rfc3339' },
    order: 'body:event.data.id',
  },
  retry: { retries: true },
};
