import type { Provider } from '../provider/provider.ts';
import { svixId, svixSchemes } from './standard-webhooks.ts';

export const vanta: Provider<'vanta'> = {
  name: 'vanta',
  title: 'Vanta',
  docs: 'https://developer.vanta.com/docs/webhooks',
  grade: 'A',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: svixSchemes,
  event: {
    type: { first: ['body:type', 'body:eventType'] },
    id: svixId,
  },
  retry: { retries: true, timeoutSeconds: 15 },
};
