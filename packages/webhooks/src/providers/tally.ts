import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const tally: Provider<'tally'> = {
  name: 'tally',
  title: 'Tally',
  docs: 'https://tally.so/help/webhooks',
  grade: 'B',
  secret: { name: 'signing secret', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'tally-signature', encoding: 'base64' })],
  event: {
    type: 'body:eventType',
    id: 'body:eventId',
    time: { at: 'body:createdAt', unit: 'rfc3339' },
    order: 'body:data.formId',
  },
  retry: { retries: true, timeoutSeconds: 10, spanSeconds: 113_700 },
};
