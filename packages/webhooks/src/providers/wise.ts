import type { Provider } from '../provider/provider.ts';

export const wise: Provider<'wise'> = {
  name: 'wise',
  title: 'Wise',
  docs: 'https://docs.wise.com/api-docs/features/webhooks-notifications/event-handling',
  grade: 'B',
  secret: { name: 'public key (PEM) of the environment, from the documentation', madeBy: 'provider' },
  // The older X-Signature (SHA-1) comes along; it is not looked at, so that it cannot rescue a bad one.
  schemes: [
    {
      kind: 'signature',
      algorithm: 'rsa-sha256',
      key: 'spki',
      signature: { at: 'header:x-signature-sha256', encoding: 'base64' },
      content: '{body}',
    },
  ],
  event: {
    type: 'body:event_type',
    id: 'header:x-delivery-id',
    time: { at: { first: ['body:data.occurred_at', 'body:sent_at'] }, unit: 'rfc3339' },
    order: 'body:data.resource.id',
  },
  retry: { retries: true },
  caution: 'the key signs for every customer: compare subscription_id with yours',
};
