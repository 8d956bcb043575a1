import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const lemonSqueezy: Provider<'lemon-squeezy'> = {
  name: 'lemon-squeezy',
  title: 'Lemon Squeezy',
  docs: 'https://docs.lemonsqueezy.com/help/webhooks/signing-requests',
  grade: 'B',
  secret: { name: 'signing secret', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-signature', encoding: 'hex' })],
  event: {
    type: 'body:meta.event_name',
    // No id of the event itself.
    id: {
      all: ['body:meta.event_name', 'body:data.type', 'body:data.id', 'body:data.attributes.updated_at'],
      join: '.',
      complete: true,
    },
    time: { at: 'body:data.attributes.updated_at', unit: 'rfc3339' },
    order: { all: ['body:data.type', 'body:data.id'], join: '.', complete: true },
  },
  retry: { retries: true, spanSeconds: 155 },
  answer: { status: 200 },
};
