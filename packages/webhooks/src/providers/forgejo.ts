import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const forgejo: Provider<'forgejo'> = {
  name: 'forgejo',
  title: 'Forgejo',
  docs: 'https://forgejo.org/docs/latest/user/webhooks/',
  grade: 'B',
  secret: { name: 'secret', madeBy: 'you' },
  schemes: [
    // Of the JSON, also when it travels in a form: let the webhook send application/json. The other headers with
    // signatures are not looked at, so that none can stand in for this one.
    hmacOfBody({ header: 'x-forgejo-signature', encoding: 'hex' }),
  ],
  event: {
    type: { all: ['header:x-forgejo-event', 'body:action'], join: '.' },
    id: 'header:x-forgejo-delivery',
    order: 'body:repository.id',
  },
  retry: { retries: false },
};
