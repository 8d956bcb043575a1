import type { Provider } from '../provider/provider.ts';
import { echoField } from '../provider/handshakes.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const nylas: Provider<'nylas'> = {
  name: 'nylas',
  title: 'Nylas',
  docs: 'https://developer.nylas.com/docs/v3/notifications/',
  grade: 'A',
  secret: { name: 'webhook secret', madeBy: 'provider' },
  schemes: [
    // Of a compressed delivery, the compressed bytes.
    hmacOfBody({ header: 'x-nylas-signature', encoding: 'hex' }),
  ],
  handshakes: [echoField({ method: 'GET', field: 'query:challenge', on: 'unverified' })],
  event: {
    type: 'body:type',
    id: 'body:id',
    time: { at: 'body:time', unit: 'seconds' },
    order: 'body:data.object.id',
  },
  retry: { retries: true, timeoutSeconds: 10 },
  answer: { status: 200 },
};
