import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const cursor: Provider<'cursor'> = {
  name: 'cursor',
  title: 'Cursor',
  docs: 'https://cursor.com/docs/cloud-agent/api/webhooks',
  grade: 'B',
  secret: { name: 'webhook secret', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-webhook-signature', encoding: 'hex', prefix: 'sha256=' })],
  event: {
    type: 'body:event',
    id: 'header:x-webhook-id',
    time: { at: 'body:timestamp', unit: 'rfc3339' },
    order: 'body:id',
  },
  retry: { retries: false, note: 'retries are not documented' },
};
