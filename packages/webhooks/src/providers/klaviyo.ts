import type { Provider } from '../provider/provider.ts';

export const klaviyo: Provider<'klaviyo'> = {
  name: 'klaviyo',
  title: 'Klaviyo system webhooks',
  docs: 'https://developers.klaviyo.com/en/docs/working_with_system_webhooks',
  grade: 'B',
  secret: { name: 'secret key of the webhook', madeBy: 'you' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:klaviyo-signature', encoding: 'hex' },
      content: '{body}{timestamp}',
      // A request that was seen wrote its time as GMT, five hours ahead of the time in its body.
      timestamp: { at: 'header:klaviyo-timestamp', unit: 'http-date', toleranceSeconds: 21_600 },
    },
  ],
  event: {
    batch: 'body:data',
    type: 'item:topic',
    id: { all: ['item:topic', 'item:external_id'], join: ' ', complete: true },
    time: { at: 'item:payload.data.attributes.timestamp', unit: 'seconds' },
  },
  retry: { retries: true },
};
