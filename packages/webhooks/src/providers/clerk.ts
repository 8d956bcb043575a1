import type { Provider } from '../provider/provider.ts';
import { svixId, svixSchemes } from './standard-webhooks.ts';

export const clerk: Provider<'clerk'> = {
  name: 'clerk',
  title: 'Clerk',
  docs: 'https://clerk.com/docs/guides/development/webhooks/overview',
  grade: 'A',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: svixSchemes,
  event: {
    type: 'body:type',
    id: svixId,
    time: { at: 'body:timestamp', unit: 'milliseconds' },
    order: 'body:data.id',
  },
  retry: { retries: true },
};
