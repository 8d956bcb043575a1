import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const authorizeNet: Provider<'authorize-net'> = {
  name: 'authorize-net',
  title: 'Authorize.Net',
  docs: 'https://developer.authorize.net/api/reference/features/webhooks.html',
  grade: 'B',
  secret: { name: 'signature key', madeBy: 'provider' },
  schemes: [
    // The key is hexadecimal, and used as text.
    hmacOfBody({ header: 'x-anet-signature', encoding: 'hex', prefix: 'sha512=', algorithm: 'hmac-sha512' }),
  ],
  event: {
    type: 'body:eventType',
    id: 'body:notificationId',
    time: { at: 'body:eventDate', unit: 'rfc3339' },
    order: 'body:payload.id',
  },
  retry: { retries: true },
  answer: { status: 200 },
};
