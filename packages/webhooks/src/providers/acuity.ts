import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const acuity: Provider<'acuity'> = {
  name: 'acuity',
  title: 'Acuity Scheduling',
  docs: 'https://developers.acuityscheduling.com/docs/webhooks',
  grade: 'B',
  secret: { name: 'API key', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'x-acuity-signature', encoding: 'base64' })],
  event: {
    type: 'form:action',
    // Of the appointment, which may be changed many times.
    order: 'form:id',
  },
  retry: { retries: true },
};
