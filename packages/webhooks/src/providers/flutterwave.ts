import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const flutterwave: Provider<'flutterwave'> = {
  name: 'flutterwave',
  title: 'Flutterwave',
  docs: 'https://developer.flutterwave.com/docs/webhooks',
  grade: 'B',
  secret: { name: 'secret hash', madeBy: 'you' },
  schemes: [
    // Version 4 signs, version 3 sends the secret along.
    hmacOfBody({
      header: 'flutterwave-signature',
      encoding: 'base64',
      when: ['header:flutterwave-signature'],
    }),
    { kind: 'token', at: 'header:verif-hash' },
  ],
  event: {
    type: { first: ['body:type', 'body:event'] },
    id: {
      first: [
        'body:id',
        'body:webhook_id',
        { all: ['body:event', 'body:data.id', 'body:data.status'], join: '.', complete: true },
      ],
    },
    order: { first: ['body:data.reference', 'body:data.tx_ref', 'body:data.id'] },
  },
  retry: { retries: true, note: 'only when retries are turned on in the dashboard' },
  answer: { status: 200 },
};
