import type { Provider } from '../provider/provider.ts';
import { standardScheme } from './standard-webhooks.ts';

// The secret's text is the key: it is not base64, whatever it begins with.
export const polar: Provider<'polar'> = {
  name: 'polar',
  title: 'Polar',
  docs: 'https://polar.sh/docs/integrate/webhooks/delivery',
  grade: 'A',
  secret: { name: 'webhook secret', madeBy: 'provider' },
  schemes: [standardScheme({ header: 'webhook-', key: 'text' })],
  event: {
    type: 'body:type',
    id: 'header:webhook-id',
    time: { at: 'body:timestamp', unit: 'rfc3339' },
    order: 'body:data.id',
  },
  retry: { retries: true },
};
