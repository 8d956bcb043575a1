import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const webex: Provider<'webex'> = {
  name: 'webex',
  title: 'Webex',
  docs: 'https://developer.webex.com/messaging/docs/api/guides/webhooks',
  grade: 'B',
  secret: { name: 'secret of the webhook', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-spark-signature', encoding: 'hex', algorithm: 'hmac-sha1' })],
  event: {
    type: { all: ['body:resource', 'body:event'], join: '.' },
    // `id` is the webhook's own.
    id: {
      all: [
        'body:resource',
        'body:event',
        'body:data.id',
        { first: ['body:data.updated', 'body:data.created'] },
      ],
      join: '.',
      complete: true,
    },
    order: { first: ['body:data.roomId', 'body:data.id'] },
  },
  retry: { retries: false, note: 'many failures turn the webhook off' },
};
