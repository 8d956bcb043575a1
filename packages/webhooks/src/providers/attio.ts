import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const attio: Provider<'attio'> = {
  name: 'attio',
  title: 'Attio',
  docs: 'https://docs.attio.com/rest-api/guides/webhooks',
  grade: 'B',
  secret: { name: 'webhook secret', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'attio-signature', encoding: 'hex' })],
  event: {
    type: 'item:event_type',
    // The header is the delivery's.
    id: {
      first: [
        {
          all: ['header:idempotency-key', 'item:event_type', 'item:id.record_id', 'item:id.attribute_id'],
          join: '.',
          complete: true,
        },
        {
          all: [
            'header:idempotency-key',
            'item:event_type',
            { first: ['item:id.entry_id', 'item:id.record_id', 'item:id.task_id', 'item:id.note_id'] },
          ],
          join: '.',
          complete: true,
        },
      ],
    },
    order: { first: ['item:id.entry_id', 'item:id.record_id', 'item:id.task_id', 'item:id.note_id'] },
    batch: 'body:events',
  },
  retry: { retries: true },
};
