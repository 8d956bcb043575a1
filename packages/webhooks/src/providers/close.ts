import type { Provider } from '../provider/provider.ts';

export const close: Provider<'close'> = {
  name: 'close',
  title: 'Close',
  docs: 'https://developer.close.com/api/resources/webhooks',
  grade: 'A',
  secret: { name: 'signature_key of the subscription', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'hex',
      signature: { at: 'header:close-sig-hash', encoding: 'hex' },
      content: '{timestamp}{body}',
      timestamp: { at: 'header:close-sig-timestamp', unit: 'seconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: { all: ['body:event.object_type', 'body:event.action'], join: '.' },
    id: 'body:event.id',
    time: { at: 'body:event.date_created', unit: 'rfc3339' },
    order: 'body:event.object_id',
  },
  retry: { retries: true, timeoutSeconds: 15, spanSeconds: 259_200 },
};
