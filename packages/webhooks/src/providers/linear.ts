import type { Provider } from '../provider/provider.ts';

export const linear: Provider<'linear'> = {
  name: 'linear',
  title: 'Linear',
  docs: 'https://linear.app/developers/webhooks',
  grade: 'A',
  secret: { name: 'signing secret', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:linear-signature', encoding: 'hex' },
      content: '{body}',
      // In the body, so it is signed with it.
      timestamp: { at: 'body:webhookTimestamp', unit: 'milliseconds', toleranceSeconds: 60 },
    },
  ],
  event: {
    type: { all: ['body:type', 'body:action'], join: '.' },
    id: 'header:linear-delivery',
    time: { at: 'body:createdAt', unit: 'rfc3339' },
    order: 'body:data.id',
  },
  retry: { retries: true, timeoutSeconds: 5, spanSeconds: 25_260 },
  answer: { status: 200 },
};
