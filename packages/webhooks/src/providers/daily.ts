import type { Provider } from '../provider/provider.ts';
import { acknowledge } from '../provider/handshakes.ts';

export const daily: Provider<'daily'> = {
  name: 'daily',
  title: 'Daily',
  docs: 'https://docs.daily.co/reference/rest-api/webhooks',
  grade: 'B',
  secret: { name: 'hmac of the webhook (base64)', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'base64',
      signature: { at: 'header:x-webhook-signature', encoding: 'base64' },
      content: '{timestamp}.{body}',
      timestamp: { at: 'header:x-webhook-timestamp', unit: 'unix', toleranceSeconds: 300 },
    },
  ],
  // Sent while the webhook is being made, when nobody knows its secret yet.
  handshakes: [acknowledge({ has: 'body:test', lacks: 'body:type' })],
  event: {
    type: 'body:type',
    id: 'body:id',
    time: { at: 'body:event_ts', unit: 'seconds' },
    order: { first: ['body:payload.recording_id', 'body:payload.room', 'body:payload.room_name'] },
  },
  retry: { retries: true, note: 'after 3 failures in a row it sends nothing more' },
  answer: { status: 200 },
};
