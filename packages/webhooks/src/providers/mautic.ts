import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const mautic: Provider<'mautic'> = {
  name: 'mautic',
  title: 'Mautic',
  docs: 'https://developer.mautic.org/#webhooks',
  grade: 'A',
  secret: { name: 'webhook secret', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'webhook-signature', encoding: 'base64' })],
  event: {
    // The name of the event is a key of the body.
    type: (request) => Object.keys(Object(request.json())).find((key) => key.startsWith('mautic.')),
    time: { at: 'body:timestamp', unit: 'rfc3339' },
  },
  retry: { retries: false, note: 'retries are not documented' },
};
