import type { Provider } from '../provider/provider.ts';

export const mux: Provider<'mux'> = {
  name: 'mux',
  title: 'Mux',
  docs: 'https://www.mux.com/docs/core/verify-webhook-signatures',
  grade: 'A',
  secret: { name: 'signing secret', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:mux-signature',
        separator: ',',
        pairs: { separator: '=', take: 'v1' },
        encoding: 'hex',
      },
      content: '{timestamp}.{body}',
      timestamp: { at: 'pair:t', unit: 'seconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: 'body:type',
    id: 'body:id',
    time: { at: 'body:created_at', unit: 'rfc3339' },
    order: 'body:object.id',
  },
  retry: { retries: true },
};
