import type { Provider } from '../provider/provider.ts';
import { svixSchemes } from './standard-webhooks.ts';

export const stytch: Provider<'stytch'> = {
  name: 'stytch',
  title: 'Stytch',
  docs: 'https://stytch.com/docs/guides/webhooks/overview',
  grade: 'B',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: svixSchemes,
  event: {
    type: { all: ['body:source', 'body:object_type', 'body:action'], join: '.' },
    id: { first: ['body:event_id', 'header:svix-id', 'header:webhook-id'] },
    time: { at: 'body:timestamp', unit: 'rfc3339' },
    order: 'body:id',
  },
  retry: { retries: true },
};
