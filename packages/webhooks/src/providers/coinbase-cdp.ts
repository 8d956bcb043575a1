import type { Provider } from '../provider/provider.ts';

export const coinbaseCdp: Provider<'coinbase-cdp'> = {
  name: 'coinbase-cdp',
  title: 'Coinbase Developer Platform',
  docs: 'https://docs.cdp.coinbase.com/webhooks/verify-signatures',
  grade: 'B',
  secret: { name: 'subscription secret', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:x-hook0-signature',
        separator: ',',
        // v1 also binds some headers; the document says to check v0 unless those matter.
        pairs: { separator: '=', take: 'v0' },
        encoding: 'hex',
      },
      content: '{timestamp}.{body}',
      timestamp: { at: 'pair:t', unit: 'seconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: { first: ['body:eventType', 'body:event_type', 'body:type', 'header:x-event-type'] },
    id: { first: ['body:eventId', 'body:id', 'header:x-event-id'] },
  },
  retry: { retries: true },
};
