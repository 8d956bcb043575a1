import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const pusher: Provider<'pusher'> = {
  name: 'pusher',
  title: 'Pusher Channels',
  docs: 'https://pusher.com/docs/channels/server_api/webhooks/',
  grade: 'A',
  secret: { name: 'secret of the app', madeBy: 'provider' },
  schemes: [
    // X-Pusher-Key says which token signed: each secret is tried.
    hmacOfBody({ header: 'x-pusher-signature', encoding: 'hex' }),
  ],
  event: {
    type: 'item:name',
    time: { at: 'body:time_ms', unit: 'milliseconds' },
    order: 'item:channel',
    batch: 'body:events',
  },
  retry: { retries: true, timeoutSeconds: 4, spanSeconds: 300 },
};
