import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const clickup: Provider<'clickup'> = {
  name: 'clickup',
  title: 'ClickUp',
  docs: 'https://developer.clickup.com/docs/webhooksignature',
  grade: 'A',
  secret: { name: 'webhook secret', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'x-signature', encoding: 'hex' })],
  event: {
    type: 'body:event',
    id: 'body:history_items.0.id',
    time: { at: 'body:history_items.0.date', unit: 'milliseconds' },
    order: 'body:task_id',
  },
  retry: { retries: true },
};
