import type { Provider } from '../provider/provider.ts';
import { answerMethod } from '../provider/handshakes.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const intercom: Provider<'intercom'> = {
  name: 'intercom',
  title: 'Intercom',
  docs: 'https://developers.intercom.com/docs/webhooks/webhook-notifications',
  grade: 'B',
  secret: { name: 'client secret', madeBy: 'provider' },
  schemes: [
    hmacOfBody({ header: 'x-hub-signature', encoding: 'hex', prefix: 'sha1=', algorithm: 'hmac-sha1' }),
  ],
  handshakes: [answerMethod('HEAD')],
  event: {
    type: 'body:topic',
    id: 'body:id',
    time: { at: 'body:created_at', unit: 'seconds' },
    order: 'body:data.item.id',
  },
  retry: { retries: true, timeoutSeconds: 5, note: 'one more try, after a minute' },
  answer: { status: 200 },
};
