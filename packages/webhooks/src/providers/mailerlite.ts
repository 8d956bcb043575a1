import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const mailerlite: Provider<'mailerlite'> = {
  name: 'mailerlite',
  title: 'MailerLite',
  docs: 'https://developers.mailerlite.com/docs/webhooks.html',
  grade: 'B',
  secret: { name: 'webhook secret', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'signature', encoding: 'hex' })],
  event: {
    type: { first: ['item:type', 'item:event', 'body:type', 'body:event'] },
    batch: 'body:events',
  },
  retry: { retries: true },
};
