import type { Provider } from '../provider/provider.ts';

export const zendesk: Provider<'zendesk'> = {
  name: 'zendesk',
  title: 'Zendesk',
  docs: 'https://developer.zendesk.com/documentation/webhooks/verifying/',
  grade: 'A',
  secret: { name: 'signing secret', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      // Looks like base64, and is used as it is written.
      key: 'text',
      signature: { at: 'header:x-zendesk-webhook-signature', encoding: 'base64' },
      content: '{timestamp}{body}',
      timestamp: {
        at: 'header:x-zendesk-webhook-signature-timestamp',
        unit: 'rfc3339',
        toleranceSeconds: 300,
      },
    },
  ],
  event: {
    type: 'body:type',
    id: 'header:x-zendesk-webhook-invocation-id',
    time: { at: 'body:time', unit: 'rfc3339' },
    order: { first: ['body:subject', 'body:detail.id'] },
  },
  retry: { retries: true },
};
