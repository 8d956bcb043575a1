import type { Provider } from '../provider/provider.ts';
import { standardScheme } from './standard-webhooks.ts';

export const lithic: Provider<'lithic'> = {
  name: 'lithic',
  title: 'Lithic',
  docs: 'https://docs.lithic.com/docs/events-api',
  grade: 'A',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: [standardScheme({ header: 'webhook-' })],
  event: {
    type: 'body:event_type',
    id: 'header:webhook-id',
    order: 'body:token',
  },
  retry: { retries: true },
};
