import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const fastspring: Provider<'fastspring'> = {
  name: 'fastspring',
  title: 'FastSpring',
  docs: 'https://developer.fastspring.com/docs/message-security',
  grade: 'A',
  secret: { name: 'HMAC SHA256 secret', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-fs-signature', encoding: 'base64' })],
  event: {
    type: 'item:type',
    id: 'item:id',
    time: { at: 'item:created', unit: 'milliseconds' },
    order: { first: ['item:data.subscription', 'item:data.order', 'item:data.id'] },
    batch: 'body:events',
  },
  retry: { retries: true },
  answer: { status: 200 },
};
