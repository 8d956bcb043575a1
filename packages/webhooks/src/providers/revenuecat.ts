import type { Provider } from '../provider/provider.ts';

export const revenuecat: Provider<'revenuecat'> = {
  name: 'revenuecat',
  title: 'RevenueCat',
  docs: 'https://www.revenuecat.com/docs/integrations/webhooks',
  grade: 'B',
  secret: { name: 'signing secret, or the Authorization header that was set', madeBy: 'you' },
  schemes: [
    {
      kind: 'signature',
      when: ['header:x-revenuecat-webhook-signature'],
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:x-revenuecat-webhook-signature',
        separator: ',',
        pairs: { separator: '=', take: 'v1' },
        encoding: 'hex',
      },
      content: '{timestamp}.{body}',
      timestamp: { at: 'pair:t', unit: 'seconds', toleranceSeconds: 300 },
    },
    { kind: 'token', when: ['header:authorization'], at: 'header:authorization' },
  ],
  event: {
    type: 'body:event.type',
    id: 'body:event.id',
    time: { at: 'body:event.event_timestamp_ms', unit: 'milliseconds' },
    order: 'body:event.app_user_id',
  },
  retry: { retries: true },
  answer: { status: 200 },
};
