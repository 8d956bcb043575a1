import type { Provider } from '../provider/provider.ts';

export const box: Provider<'box'> = {
  name: 'box',
  title: 'Box',
  docs: 'https://developer.box.com/guides/webhooks/v2/signatures-v2',
  grade: 'A',
  secret: { name: 'primary and secondary signature key', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      // One of each key, so that each can be changed while the other is used.
      signature: {
        at: ['header:box-signature-primary', 'header:box-signature-secondary'],
        encoding: 'base64',
      },
      content: '{body}{timestamp}',
      timestamp: { at: 'header:box-delivery-timestamp', unit: 'rfc3339', toleranceSeconds: 600 },
    },
  ],
  event: {
    type: 'body:trigger',
    id: { first: ['body:id', 'header:box-delivery-id'] },
    time: { at: 'body:created_at', unit: 'rfc3339' },
    order: { all: ['body:source.type', 'body:source.id'], join: ':', complete: true },
  },
  retry: { retries: true },
};
