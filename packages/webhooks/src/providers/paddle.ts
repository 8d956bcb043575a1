import type { Provider } from '../provider/provider.ts';

export const paddle: Provider<'paddle'> = {
  name: 'paddle',
  title: 'Paddle Billing',
  docs: 'https://developer.paddle.com/webhooks/signature-verification',
  grade: 'A',
  secret: { name: 'endpoint secret key (pdl_ntfset_…)', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:paddle-signature',
        separator: ';',
        pairs: { separator: '=', take: 'h1' },
        encoding: 'hex',
      },
      content: '{timestamp}:{body}',
      // Paddle's own library allows 5 seconds, which a clock that is a little off does not keep.
      timestamp: { at: 'pair:ts', unit: 'seconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: 'body:event_type',
    id: 'body:event_id',
    time: { at: 'body:occurred_at', unit: 'rfc3339' },
    order: 'body:data.id',
  },
  retry: { retries: true, timeoutSeconds: 5, spanSeconds: 259_200, note: '60 tries; in the sandbox 3' },
  answer: { status: 200 },
};
