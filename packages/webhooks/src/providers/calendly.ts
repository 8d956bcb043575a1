import type { Provider } from '../provider/provider.ts';

export const calendly: Provider<'calendly'> = {
  name: 'calendly',
  title: 'Calendly',
  docs: 'https://developer.calendly.com/api-docs/overview/webhooks/webhook-signatures',
  grade: 'A',
  secret: { name: 'webhook signing key', madeBy: 'you' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:calendly-webhook-signature',
        separator: ',',
        pairs: { separator: '=', take: 'v1' },
        encoding: 'hex',
      },
      content: '{timestamp}.{body}',
      timestamp: { at: 'pair:t', unit: 'seconds', toleranceSeconds: 180 },
    },
  ],
  event: {
    type: 'body:event',
    // No delivery has an id: the same thing happens to the same invitee once.
    id: { all: ['body:event', 'body:payload.uri', 'body:created_at'], join: ' ', complete: true },
    time: { at: 'body:created_at', unit: 'rfc3339' },
    order: 'body:payload.uri',
  },
  retry: { retries: true },
};
