import type { Provider } from '../provider/provider.ts';

export const shopify: Provider<'shopify'> = {
  name: 'shopify',
  title: 'Shopify',
  docs: 'https://shopify.dev/docs/apps/build/webhooks/verify-deliveries',
  grade: 'A',
  secret: { name: 'app client secret', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      // The second is the name that the newer events use.
      signature: {
        at: ['header:x-shopify-hmac-sha256', 'header:shopify-hmac-sha256'],
        encoding: 'base64',
      },
      content: '{body}',
    },
  ],
  event: {
    type: { first: ['header:x-shopify-topic', 'header:shopify-topic'] },
    id: { first: ['header:x-shopify-webhook-id', 'header:shopify-webhook-id'] },
    time: {
      at: { first: ['header:x-shopify-triggered-at', 'header:shopify-triggered-at'] },
      unit: 'rfc3339',
    },
    order: { all: ['header:x-shopify-shop-domain', 'body:id'], join: '/', complete: true },
  },
  retry: { retries: true, timeoutSeconds: 5, spanSeconds: 14_400 },
  answer: { status: 200 },
};
