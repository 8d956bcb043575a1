import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const gogs: Provider<'gogs'> = {
  name: 'gogs',
  title: 'Gogs',
  docs: 'https://gogs.io/docs/features/webhook',
  grade: 'B',
  secret: { name: 'secret', madeBy: 'you' },
  schemes: [
    // Of the JSON, also when it travels in a form: let the webhook send application/json. The other headers with
    // signatures are not looked at, so that none can stand in for this one.
    hmacOfBody({ header: 'x-gogs-signature', encoding: 'hex' }),
  ],
  event: {
    type: { all: ['header:x-gogs-event', 'body:action'], join: '.' },
    id: 'header:x-gogs-delivery',
    order: 'body:repository.id',
  },
  retry: { retries: false },
};
