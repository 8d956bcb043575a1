import type { Provider } from '../provider/provider.ts';
import { svixId, svixSchemes } from './standard-webhooks.ts';

export const incidentIo: Provider<'incident-io'> = {
  name: 'incident-io',
  title: 'incident.io',
  docs: 'https://api-docs.incident.io/tag/Webhooks',
  grade: 'B',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: svixSchemes,
  event: {
    type: 'body:event_type',
    id: svixId,
  },
  retry: { retries: true },
};
