import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';
import { learnSecret } from '../provider/handshakes.ts';

export const asana: Provider<'asana'> = {
  name: 'asana',
  title: 'Asana',
  docs: 'https://developers.asana.com/docs/webhooks-guide',
  grade: 'A',
  secret: { name: 'X-Hook-Secret', madeBy: 'handshake' },
  schemes: [hmacOfBody({ header: 'x-hook-signature', encoding: 'hex' })],
  // Comes while the call that makes the webhook still waits.
  handshakes: [learnSecret({ at: 'header:x-hook-secret' })],
  event: {
    // Heartbeats have no events.
    type: { all: ['item:resource.resource_type', 'item:action'], join: '.' },
    time: { at: 'item:created_at', unit: 'rfc3339' },
    order: 'item:resource.gid',
    batch: 'body:events',
  },
  retry: { retries: true, timeoutSeconds: 10, spanSeconds: 86_400, note: 'events may get lost' },
  answer: { status: 200 },
};
