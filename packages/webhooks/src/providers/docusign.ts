import type { Provider } from '../provider/provider.ts';

export const docusign: Provider<'docusign'> = {
  name: 'docusign',
  title: 'DocuSign Connect',
  docs: 'https://developers.docusign.com/platform/webhooks/connect/validate/',
  grade: 'B',
  secret: { name: 'Connect HMAC key', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      // One for each key of the account, of which there are up to 100.
      signature: {
        at: Array.from({ length: 100 }, (_, index) => `header:x-docusign-signature-${index + 1}` as const),
        encoding: 'base64',
      },
      content: '{body}',
    },
  ],
  event: {
    type: 'body:event',
    id: {
      all: ['body:data.envelopeId', 'body:event', 'body:generatedDateTime'],
      join: '.',
      complete: true,
    },
    time: { at: 'body:generatedDateTime', unit: 'rfc3339' },
    order: 'body:data.envelopeId',
  },
  retry: { retries: true },
  answer: { status: 200 },
};
