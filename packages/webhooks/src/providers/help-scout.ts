import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const helpScout: Provider<'help-scout'> = {
  name: 'help-scout',
  title: 'Help Scout',
  docs: 'https://developer.helpscout.com/webhooks/',
  grade: 'B',
  secret: { name: 'secret of the webhook', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-helpscout-signature', encoding: 'base64', algorithm: 'hmac-sha1' })],
  event: {
    type: 'header:x-helpscout-event',
    order: 'body:id',
  },
  retry: { retries: true },
};
