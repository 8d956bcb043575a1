import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const typeform: Provider<'typeform'> = {
  name: 'typeform',
  title: 'Typeform',
  docs: 'https://www.typeform.com/developers/webhooks/secure-your-webhooks/',
  grade: 'A',
  secret: { name: 'webhook secret', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'typeform-signature', encoding: 'base64', prefix: 'sha256=' })],
  event: {
    type: 'body:event_type',
    id: 'body:event_id',
    time: { at: 'body:form_response.submitted_at', unit: 'rfc3339' },
    order: 'body:form_response.token',
  },
  retry: { retries: true, timeoutSeconds: 30 },
};
