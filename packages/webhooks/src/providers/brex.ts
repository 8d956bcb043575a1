import type { Provider } from '../provider/provider.ts';
import { svixId, svixSchemes } from './standard-webhooks.ts';

export const brex: Provider<'brex'> = {
  name: 'brex',
  title: 'Brex',
  docs: 'https://developer.brex.com/docs/webhooks',
  grade: 'B',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: svixSchemes,
  event: {
    type: 'body:event_type',
    id: svixId,
  },
  retry: { retries: true },
};
