import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const mollie: Provider<'mollie'> = {
  name: 'mollie',
  title: 'Mollie',
  docs: 'https://docs.mollie.com/reference/webhooks-new',
  grade: 'B',
  secret: { name: 'signing secret', madeBy: 'provider' },
  schemes: [
    // While a secret rotates, the header comes twice.
    hmacOfBody({ header: 'x-mollie-signature', encoding: 'hex', prefix: 'sha256=', separator: ',' }),
  ],
  event: {
    type: 'body:type',
    id: 'body:id',
    time: { at: 'body:createdAt', unit: 'rfc3339' },
    order: 'body:entityId',
  },
  retry: { retries: true },
};
