import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const heroku: Provider<'heroku'> = {
  name: 'heroku',
  title: 'Heroku',
  docs: 'https://devcenter.heroku.com/articles/app-webhooks',
  grade: 'B',
  secret: { name: 'secret of the webhook', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'heroku-webhook-hmac-sha256', encoding: 'base64' })],
  event: {
    type: { all: ['body:resource', 'body:action'], join: '.' },
    id: { first: ['body:webhook_metadata.delivery.id', 'body:id'] },
    time: { at: 'body:published_at', unit: 'rfc3339' },
    order: { all: ['body:resource', 'body:data.id'], join: '.', complete: true },
  },
  retry: { retries: true, spanSeconds: 259_200, note: 'not at the level notify, which is sent once' },
};
