import type { Provider } from '../provider/provider.ts';

export const webflow: Provider<'webflow'> = {
  name: 'webflow',
  title: 'Webflow',
  docs: 'https://developers.webflow.com/data/docs/working-with-webhooks',
  grade: 'A',
  secret: { name: 'client secret of the app, or secret key of the webhook', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-webflow-signature', encoding: 'hex' },
      content: '{timestamp}:{body}',
      timestamp: { at: 'header:x-webflow-timestamp', unit: 'milliseconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: 'body:triggerType',
    time: { at: { first: ['body:payload.submittedAt', 'body:payload.lastUpdated'] }, unit: 'rfc3339' },
    order: { first: ['body:payload.id', 'body:payload.orderId'] },
  },
  retry: { retries: true },
};
