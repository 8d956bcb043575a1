import type { Provider } from '../provider/provider.ts';

export const adyenPlatform: Provider<'adyen-platform'> = {
  name: 'adyen-platform',
  title: 'Adyen (platform and management webhooks)',
  docs: 'https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/',
  grade: 'A',
  secret: { name: 'HMAC key (hexadecimal)', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'hex',
      signature: { at: 'header:hmacsignature', encoding: 'base64' },
      content: '{body}',
    },
  ],
  event: {
    type: 'body:type',
    id: {
      first: [
        'body:data.webhookId',
        {
          all: ['body:type', 'body:data.id', 'body:data.sequenceNumber', 'body:timestamp'],
          join: ':',
          complete: true,
        },
        { all: ['body:type', 'body:data.id', 'body:timestamp'], join: ':', complete: true },
      ],
    },
    time: { at: { first: ['body:timestamp', 'body:createdAt'] }, unit: 'rfc3339' },
    order: 'body:data.id',
  },
  retry: { retries: true, timeoutSeconds: 10 },
};
