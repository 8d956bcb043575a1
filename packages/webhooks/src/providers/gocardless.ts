import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const gocardless: Provider<'gocardless'> = {
  name: 'gocardless',
  title: 'GoCardless',
  docs: 'https://developer.gocardless.com/getting-started/staying-up-to-date-with-webhooks/',
  grade: 'A',
  secret: { name: 'webhook endpoint secret', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'webhook-signature', encoding: 'hex' })],
  event: {
    type: { all: ['item:resource_type', 'item:action'], join: '.' },
    id: 'item:id',
    time: { at: 'item:created_at', unit: 'rfc3339' },
    order: {
      first: [
        'item:links.payment',
        'item:links.subscription',
        'item:links.refund',
        'item:links.payout',
        'item:links.mandate',
      ],
    },
    batch: 'body:events',
  },
  retry: { retries: true },
  // Its own status for a bad signature.
  answer: { refusedStatus: 498 },
};
