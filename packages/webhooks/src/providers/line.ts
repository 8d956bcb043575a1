import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const line: Provider<'line'> = {
  name: 'line',
  title: 'LINE',
  docs: 'https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/',
  grade: 'A',
  secret: { name: 'channel secret', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'x-line-signature', encoding: 'base64' })],
  event: {
    // The button Verify sends no events.
    type: 'item:type',
    id: 'item:webhookEventId',
    time: { at: 'item:timestamp', unit: 'milliseconds' },
    order: { first: ['item:source.groupId', 'item:source.roomId', 'item:source.userId'] },
    batch: 'body:events',
  },
  retry: { retries: true, note: 'only when redelivery is turned on' },
  answer: { status: 200 },
};
