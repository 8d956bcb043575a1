import type { Provider } from '../provider/provider.ts';

export const airwallex: Provider<'airwallex'> = {
  name: 'airwallex',
  title: 'Airwallex',
  docs: 'https://www.airwallex.com/docs/developer-tools__listen-for-webhook-events',
  grade: 'B',
  secret: { name: 'webhook secret (whsec_…)', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-signature', encoding: 'hex' },
      content: '{timestamp}{body}',
      timestamp: { at: 'header:x-timestamp', unit: 'milliseconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: 'body:name',
    id: 'body:id',
    time: { at: 'body:created_at', unit: 'rfc3339' },
    order: 'body:data.object.id',
  },
  retry: { retries: true },
  answer: { status: 200 },
};
