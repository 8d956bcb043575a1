import type { Provider } from '../provider/provider.ts';
import { svixId, svixSchemes } from './standard-webhooks.ts';

// Svix sends for many: what stands in the body is up to them.
export const svix: Provider<'svix'> = {
  name: 'svix',
  title: 'Svix',
  docs: 'https://docs.svix.com/receiving/verifying-payloads/how',
  grade: 'A',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: svixSchemes,
  event: {
    type: { first: ['body:type', 'body:event_type', 'body:eventType'] },
    id: svixId,
    time: { at: 'body:timestamp', unit: 'rfc3339' },
  },
  retry: {
    retries: true,
    timeoutSeconds: 15,
    spanSeconds: 99_305,
    note: '8 tries: at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h',
  },
};
