import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const doppler: Provider<'doppler'> = {
  name: 'doppler',
  title: 'Doppler',
  docs: 'https://docs.doppler.com/docs/webhooks',
  grade: 'B',
  secret: { name: 'signing secret', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-doppler-signature', encoding: 'hex', prefix: 'sha256=' })],
  event: {
    type: { first: ['body:type', 'body:event_type'] },
  },
  retry: { retries: true, note: 'up to five more tries' },
};
