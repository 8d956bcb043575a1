import type { Provider } from '../provider/provider.ts';
import { svixId, svixSchemes } from './standard-webhooks.ts';

export const pleo: Provider<'pleo'> = {
  name: 'pleo',
  title: 'Pleo',
  docs: 'https://developers.pleo.io',
  grade: 'B',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: svixSchemes,
  event: {
    type: { first: ['body:type', 'body:eventType', 'body:event'] },
    id: svixId,
  },
  retry: { retries: true },
};
