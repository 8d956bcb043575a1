import type { Provider } from '../provider/provider.ts';
import { svixId, svixSchemes } from './standard-webhooks.ts';

export const resend: Provider<'resend'> = {
  name: 'resend',
  title: 'Resend',
  docs: 'https://resend.com/docs/webhooks/verify-webhooks-requests',
  grade: 'A',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: svixSchemes,
  event: {
    type: 'body:type',
    id: svixId,
    time: { at: 'body:created_at', unit: 'rfc3339' },
    order: 'body:data.email_id',
  },
  retry: { retries: true },
};
