import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const dwolla: Provider<'dwolla'> = {
  name: 'dwolla',
  title: 'Dwolla',
  docs: 'https://developers.dwolla.com/docs/working-with-webhooks',
  grade: 'B',
  secret: { name: 'secret of the webhook subscription', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-request-signature-sha-256', encoding: 'hex' })],
  event: {
    type: 'body:topic',
    id: 'body:id',
    time: { at: 'body:timestamp', unit: 'rfc3339' },
    order: 'body:resourceId',
  },
  retry: { retries: true, timeoutSeconds: 10, spanSeconds: 259_200 },
  answer: { status: 200 },
};
