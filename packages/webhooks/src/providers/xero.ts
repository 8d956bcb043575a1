import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const xero: Provider<'xero'> = {
  name: 'xero',
  title: 'Xero',
  docs: 'https://developer.xero.com/documentation/guides/webhooks/overview/',
  grade: 'A',
  secret: { name: 'webhook key', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'x-xero-signature', encoding: 'base64' })],
  event: {
    type: { all: ['item:eventCategory', 'item:eventType'], join: '.' },
    id: {
      all: ['item:tenantId', 'item:resourceId', 'item:eventType', 'item:eventDateUtc'],
      join: '.',
      complete: true,
    },
    order: 'item:resourceId',
    batch: 'body:events',
  },
  retry: { retries: true, timeoutSeconds: 5, spanSeconds: 86_400 },
  // The `intent to receive` sends good and bad signatures, and wants exactly these, without a body.
  answer: { status: 200, body: '', refusedStatus: 401 },
};
