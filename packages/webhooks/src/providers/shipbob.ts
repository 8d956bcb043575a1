import type { Provider } from '../provider/provider.ts';
import { standardScheme } from './standard-webhooks.ts';

export const shipbob: Provider<'shipbob'> = {
  name: 'shipbob',
  title: 'ShipBob',
  docs: 'https://developer.shipbob.com/webhooks',
  grade: 'B',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: [standardScheme({ header: 'webhook-' })],
  event: {
    type: { first: ['header:x-webhook-topic', 'body:topic'] },
    id: 'header:webhook-id',
  },
  retry: { retries: true },
};
