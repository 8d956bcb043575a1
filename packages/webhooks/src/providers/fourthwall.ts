import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const fourthwall: Provider<'fourthwall'> = {
  name: 'fourthwall',
  title: 'Fourthwall',
  docs: 'https://docs.fourthwall.com/webhooks/signature-verification/',
  grade: 'B',
  secret: { name: 'HMAC secret of the shop', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'x-fourthwall-hmac-sha256', encoding: 'base64' })],
  event: {
    type: 'body:type',
    id: 'body:id',
    time: { at: 'body:createdAt', unit: 'rfc3339' },
    order: 'body:data.id',
  },
  retry: { retries: true },
};
