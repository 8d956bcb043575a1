import type { Provider } from '../provider/provider.ts';

export const github: Provider<'github'> = {
  name: 'github',
  title: 'GitHub',
  docs: 'https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries',
  grade: 'A',
  secret: { name: 'webhook secret', madeBy: 'you' },
  // The older X-Hub-Signature (SHA-1) comes along; it is not looked at, so that it cannot rescue a bad one.
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-hub-signature-256', prefix: 'sha256=', encoding: 'hex' },
      content: '{body}',
    },
  ],
  // Hooks with the content type of a form.
  jsonField: 'payload',
  event: {
    // The event's header is not signed.
    type: { all: ['header:x-github-event', 'body:action'], join: '.' },
    id: 'header:x-github-delivery',
  },
  retry: { retries: false, timeoutSeconds: 10, note: 'fetch what failed from the deliveries API' },
};
