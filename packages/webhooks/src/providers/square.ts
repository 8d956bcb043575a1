import type { Provider } from '../provider/provider.ts';

export const square: Provider<'square'> = {
  name: 'square',
  title: 'Square',
  docs: 'https://developer.squareup.com/docs/webhooks/step3validate',
  grade: 'A',
  secret: { name: 'signature key', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-square-hmacsha256-signature', encoding: 'base64' },
      // The notification URL as it is written in the subscription.
      content: '{url}{body}',
    },
  ],
  event: {
    type: 'body:type',
    id: 'body:event_id',
    time: { at: 'body:created_at', unit: 'rfc3339' },
    order: 'body:data.id',
  },
  retry: { retries: true },
};
