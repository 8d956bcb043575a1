import type { Provider } from '../provider/provider.ts';
import { standardScheme } from './standard-webhooks.ts';

export const loops: Provider<'loops'> = {
  name: 'loops',
  title: 'Loops',
  docs: 'https://loops.so/docs/webhooks',
  grade: 'B',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: [standardScheme({ header: 'webhook-' })],
  event: {
    type: 'body:eventName',
    id: 'header:webhook-id',
    time: { at: 'body:eventTime', unit: 'seconds' },
  },
  retry: { retries: true },
};
