import type { Provider } from '../provider/provider.ts';

export const telnyx: Provider<'telnyx'> = {
  name: 'telnyx',
  title: 'Telnyx',
  docs: 'https://developers.telnyx.com/development/api-fundamentals/webhooks/receiving-webhooks',
  grade: 'A',
  secret: { name: 'public key', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'ed25519',
      key: 'raw-base64',
      signature: { at: 'header:telnyx-signature-ed25519', encoding: 'base64' },
      content: '{timestamp}|{body}',
      timestamp: { at: 'header:telnyx-timestamp', unit: 'seconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: 'body:data.event_type',
    id: 'body:data.id',
    time: { at: 'body:data.occurred_at', unit: 'rfc3339' },
    order: { first: ['body:data.payload.call_session_id', 'body:data.payload.id'] },
  },
  retry: { retries: true },
};
