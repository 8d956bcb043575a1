import type { Provider } from '../provider/provider.ts';
import { standardScheme } from './standard-webhooks.ts';

export const render: Provider<'render'> = {
  name: 'render',
  title: 'Render',
  docs: 'https://render.com/docs/webhooks',
  grade: 'B',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: [standardScheme({ header: 'webhook-' })],
  event: {
    type: 'body:type',
    id: 'header:webhook-id',
    time: { at: 'body:timestamp', unit: 'rfc3339' },
    order: 'body:data.serviceId',
  },
  retry: { retries: true },
};
