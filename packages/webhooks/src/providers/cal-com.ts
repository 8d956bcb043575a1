import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const calCom: Provider<'cal-com'> = {
  name: 'cal-com',
  title: 'Cal.com',
  docs: 'https://cal.com/docs/developing/guides/automation/webhooks',
  grade: 'B',
  secret: { name: 'webhook secret', madeBy: 'you' },
  schemes: [
    // Without a secret the header says no-secret-provided, which is refused.
    hmacOfBody({ header: 'x-cal-signature-256', encoding: 'hex' }),
  ],
  event: {
    type: 'body:triggerEvent',
    time: { at: 'body:createdAt', unit: 'rfc3339' },
    order: 'body:payload.uid',
  },
  retry: { retries: false, note: 'retries are not documented' },
};
