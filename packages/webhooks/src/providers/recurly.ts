import type { Provider } from '../provider/provider.ts';

export const recurly: Provider<'recurly'> = {
  name: 'recurly',
  title: 'Recurly',
  docs: 'https://docs.recurly.com/recurly-subscriptions/docs/signature-verification',
  grade: 'A',
  secret: { name: 'secret key of the endpoint', madeBy: 'provider' },
  // JSON webhooks; the older XML ones are not signed.
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:recurly-signature', separator: ',', leading: ['t'], encoding: 'hex' },
      content: '{timestamp}.{body}',
      timestamp: { at: 'pair:t', unit: 'milliseconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: { all: ['body:object_type', 'body:event_type'], join: '.' },
    id: 'header:recurly-notification-id',
    time: { at: 'body:event_time', unit: 'rfc3339' },
  },
  retry: { retries: true, note: '10 more tries, in the order of the notifications, ever further apart' },
};
