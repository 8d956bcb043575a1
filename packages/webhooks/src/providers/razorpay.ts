import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const razorpay: Provider<'razorpay'> = {
  name: 'razorpay',
  title: 'Razorpay',
  docs: 'https://razorpay.com/docs/webhooks/validate-test/',
  grade: 'A',
  secret: { name: 'webhook secret', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-razorpay-signature', encoding: 'hex' })],
  event: {
    type: 'body:event',
    id: 'header:x-razorpay-event-id',
    time: { at: 'body:created_at', unit: 'seconds' },
    order: {
      first: [
        'body:payload.order.entity.id',
        'body:payload.payment.entity.order_id',
        'body:payload.subscription.entity.id',
        'body:payload.payment.entity.id',
      ],
    },
  },
  retry: { retries: true, timeoutSeconds: 5, spanSeconds: 86_400 },
};
