import type { Provider } from '../provider/provider.ts';
import { standardScheme } from './standard-webhooks.ts';

export const replicate: Provider<'replicate'> = {
  name: 'replicate',
  title: 'Replicate',
  docs: 'https://replicate.com/docs/topics/webhooks/verify-webhook',
  grade: 'A',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: [standardScheme({ header: 'webhook-' })],
  event: {
    // The body is a prediction (or a training) as it stands.
    type: 'body:status',
    id: 'header:webhook-id',
    order: 'body:id',
  },
  retry: { retries: true },
};
