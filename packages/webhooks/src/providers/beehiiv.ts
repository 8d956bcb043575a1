import type { Provider } from '../provider/provider.ts';
import { svixSchemes } from './standard-webhooks.ts';

export const beehiiv: Provider<'beehiiv'> = {
  name: 'beehiiv',
  title: 'beehiiv',
  docs: 'https://developers.beehiiv.com/webhooks',
  grade: 'B',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: svixSchemes,
  event: {
    type: { first: ['body:event_type', 'body:type'] },
    id: { first: ['header:svix-id', 'header:webhook-id', 'body:uid'] },
    time: { at: 'body:event_timestamp', unit: 'seconds' },
    order: 'body:data.id',
  },
  retry: { retries: true },
};
