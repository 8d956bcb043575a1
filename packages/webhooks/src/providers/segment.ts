import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const segment: Provider<'segment'> = {
  name: 'segment',
  title: 'Segment',
  docs: 'https://segment.com/docs/connections/destinations/catalog/actions-webhook/',
  grade: 'A',
  secret: { name: 'shared secret', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-signature', encoding: 'hex', algorithm: 'hmac-sha1' })],
  event: {
    type: 'body:type',
    id: 'body:messageId',
    time: { at: 'body:timestamp', unit: 'rfc3339' },
    order: { first: ['body:userId', 'body:anonymousId'] },
  },
  retry: { retries: true },
  // segmentio/action-destinations, tests of the webhook: of a batch, the first event alone is signed.
  caution: 'a batch is signed by its first event alone, and refused: leave the batch size at 0',
};
