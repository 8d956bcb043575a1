import type { Provider } from '../provider/provider.ts';

export const orb: Provider<'orb'> = {
  name: 'orb',
  title: 'Orb',
  docs: 'https://docs.withorb.com/integrations-and-exports/webhooks',
  grade: 'A',
  secret: { name: 'signing secret', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:x-orb-signature',
        separator: ' ',
        pairs: { separator: '=', take: 'v1' },
        encoding: 'hex',
      },
      content: 'v1:{timestamp}:{body}',
      timestamp: { at: 'header:x-orb-timestamp', unit: 'rfc3339', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: 'body:type',
    id: 'body:id',
    time: { at: 'body:created_at', unit: 'rfc3339' },
    order: { first: ['body:subscription.id', 'body:customer.id', 'body:invoice.id'] },
  },
  retry: { retries: true },
};
