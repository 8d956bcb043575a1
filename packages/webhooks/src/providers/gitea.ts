import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const gitea: Provider<'gitea'> = {
  name: 'gitea',
  title: 'Gitea',
  docs: 'https://docs.gitea.com/usage/webhooks',
  grade: 'B',
  secret: { name: 'secret', madeBy: 'you' },
  schemes: [
    // Of the JSON, also when it travels in a form: let the webhook send application/json. The other headers with
    // signatures are not looked at, so that none can stand in for this one.
    hmacOfBody({ header: 'x-gitea-signature', encoding: 'hex' }),
  ],
  event: {
    type: { all: ['header:x-gitea-event', 'body:action'], join: '.' },
    id: 'header:x-gitea-delivery',
    order: 'body:repository.id',
  },
  retry: { retries: false },
};
