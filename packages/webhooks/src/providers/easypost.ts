import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const easypost: Provider<'easypost'> = {
  name: 'easypost',
  title: 'EasyPost',
  docs: 'https://docs.easypost.com/guides/webhooks-guide',
  grade: 'A',
  secret: { name: 'webhook secret', madeBy: 'you' },
  schemes: [
    // Its SDK for JavaScript first writes a whole "weight" as 1.0: the bytes that were sent need no mending.
    hmacOfBody({ header: 'x-hmac-signature', encoding: 'hex', prefix: 'hmac-sha256-hex=', key: 'nfkd-text' }),
  ],
  event: {
    type: 'body:description',
    id: 'body:id',
    time: { at: 'body:created_at', unit: 'rfc3339' },
    order: 'body:result.id',
  },
  retry: { retries: true, timeoutSeconds: 7, note: 'six more tries' },
};
