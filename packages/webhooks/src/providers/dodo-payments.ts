import type { Provider } from '../provider/provider.ts';
import { standardScheme } from './standard-webhooks.ts';

export const dodoPayments: Provider<'dodo-payments'> = {
  name: 'dodo-payments',
  title: 'Dodo Payments',
  docs: 'https://docs.dodopayments.com/developer-resources/webhooks',
  grade: 'A',
  secret: { name: 'webhook secret key', madeBy: 'provider' },
  schemes: [standardScheme({ header: 'webhook-' })],
  event: {
    type: 'body:type',
    id: 'header:webhook-id',
    time: { at: 'body:timestamp', unit: 'rfc3339' },
    order: { first: ['body:data.subscription_id', 'body:data.payment_id'] },
  },
  retry: { retries: true },
};
