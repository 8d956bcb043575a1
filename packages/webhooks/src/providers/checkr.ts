import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const checkr: Provider<'checkr'> = {
  name: 'checkr',
  title: 'Checkr',
  docs: 'https://docs.checkr.com/#section/Webhooks/Validating-webhooks',
  grade: 'B',
  secret: { name: 'API key', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'x-checkr-signature', encoding: 'hex' })],
  event: {
    type: 'body:type',
    id: 'body:id',
    time: { at: 'body:created_at', unit: 'rfc3339' },
    order: 'body:data.object.id',
  },
  retry: { retries: true },
};
