import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const jobber: Provider<'jobber'> = {
  name: 'jobber',
  title: 'Jobber',
  docs: 'https://developer.getjobber.com/docs/using_jobbers_api/setting_up_webhooks/',
  grade: 'B',
  secret: { name: 'client secret', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'x-jobber-hmac-sha256', encoding: 'base64' })],
  event: {
    type: 'body:data.webHookEvent.topic',
    id: {
      all: [
        'body:data.webHookEvent.topic',
        'body:data.webHookEvent.itemId',
        'body:data.webHookEvent.occurredAt',
      ],
      join: '.',
      complete: true,
    },
    time: { at: 'body:data.webHookEvent.occurredAt', unit: 'rfc3339' },
    order: 'body:data.webHookEvent.itemId',
  },
  retry: { retries: true, timeoutSeconds: 1 },
};
