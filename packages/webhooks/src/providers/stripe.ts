import type { Provider } from '../provider/provider.ts';

export const stripe: Provider<'stripe'> = {
  name: 'stripe',
  title: 'Stripe',
  docs: 'https://docs.stripe.com/webhooks#verify-manually',
  grade: 'A',
  secret: { name: 'endpoint secret (whsec_…)', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      // The whole text with its whsec_ prefix: it is not base64 here.
      key: 'text',
      signature: {
        at: 'header:stripe-signature',
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
    time: { at: 'body:created', unit: 'seconds' },
    order: 'body:data.object.id',
  },
  retry: { retries: true, spanSeconds: 259_200 },
};
