import type { Provider } from '../provider/provider.ts';

export const customerIo: Provider<'customer-io'> = {
  name: 'customer-io',
  title: 'Customer.io reporting webhooks',
  docs: 'https://docs.customer.io/integrations/data-out/connections/webhooks/',
  grade: 'B',
  secret: { name: 'webhook signing key', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-cio-signature', encoding: 'hex' },
      content: 'v0:{timestamp}:{body}',
      timestamp: { at: 'header:x-cio-timestamp', unit: 'seconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: { all: ['body:object_type', 'body:metric'], join: '.' },
    id: 'body:event_id',
    time: { at: 'body:timestamp', unit: 'seconds' },
    order: { first: ['body:data.delivery_id', 'body:data.customer_id'] },
  },
  retry: { retries: true, timeoutSeconds: 4 },
};
