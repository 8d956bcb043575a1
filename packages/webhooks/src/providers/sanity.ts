import type { Provider } from '../provider/provider.ts';

export const sanity: Provider<'sanity'> = {
  name: 'sanity',
  title: 'Sanity',
  docs: 'https://www.sanity.io/docs/content-lake/webhooks',
  grade: 'A',
  secret: { name: 'webhook secret', madeBy: 'you' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:sanity-webhook-signature',
        separator: ',',
        pairs: { separator: '=', take: 'v1' },
        encoding: 'base64url',
      },
      content: '{timestamp}.{body}',
      timestamp: { at: 'pair:t', unit: 'milliseconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    // The body is what the webhook's projection makes of the document.
    type: { all: ['body:_type', 'header:sanity-operation'], join: '.' },
    id: 'header:idempotency-key',
    time: { at: 'body:_updatedAt', unit: 'rfc3339' },
    order: { first: ['header:sanity-document-id', 'body:_id'] },
  },
  retry: { retries: true, note: 'after 429 and 5xx: twice, 30 seconds apart' },
};
