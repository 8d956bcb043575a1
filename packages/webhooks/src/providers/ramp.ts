import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const ramp: Provider<'ramp'> = {
  name: 'ramp',
  title: 'Ramp',
  docs: 'https://docs.ramp.com/developer-api/v1/webhooks',
  grade: 'experimental',
  secret: { name: 'webhook secret', madeBy: 'provider' },
  schemes: [
    // Its document does not say how the signature is written; receivers that run read hex.
    hmacOfBody({ header: 'x-ramp-signature', encoding: 'hex' }),
  ],
  event: {
    type: 'body:type',
    id: 'body:id',
    time: { at: 'body:created_at', unit: 'rfc3339' },
    order: 'body:object.id',
  },
  retry: { retries: true },
};
