import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const paystack: Provider<'paystack'> = {
  name: 'paystack',
  title: 'Paystack',
  docs: 'https://paystack.com/docs/payments/webhooks/',
  grade: 'B',
  secret: { name: 'secret key of the API', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'x-paystack-signature', encoding: 'hex', algorithm: 'hmac-sha512' })],
  event: {
    type: 'body:event',
    id: { all: ['body:event', 'body:data.id', 'body:data.status'], join: '.', complete: true },
    order: { first: ['body:data.reference', 'body:data.subscription_code'] },
  },
  retry: { retries: true, spanSeconds: 259_200 },
  answer: { status: 200 },
};
