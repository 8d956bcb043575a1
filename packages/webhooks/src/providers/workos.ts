import type { Provider } from '../provider/provider.ts';

export const workos: Provider<'workos'> = {
  name: 'workos',
  title: 'WorkOS',
  docs: 'https://workos.com/docs/events/data-syncing/webhooks',
  grade: 'A',
  secret: { name: 'signing secret', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:workos-signature',
        separator: ',',
        pairs: { separator: '=', take: 'v1' },
        encoding: 'hex',
      },
      content: '{timestamp}.{body}',
      timestamp: { at: 'pair:t', unit: 'milliseconds', toleranceSeconds: 180 },
    },
  ],
  event: {
    type: 'body:event',
    id: 'body:id',
    time: { at: 'body:created_at', unit: 'rfc3339' },
    order: 'body:data.id',
  },
  retry: { retries: true },
};
