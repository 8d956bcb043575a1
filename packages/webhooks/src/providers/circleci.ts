import type { Provider } from '../provider/provider.ts';

export const circleci: Provider<'circleci'> = {
  name: 'circleci',
  title: 'CircleCI',
  docs: 'https://circleci.com/docs/guides/integration/outbound-webhooks/',
  grade: 'A',
  secret: { name: 'secret token', madeBy: 'you' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      // The newest version alone, so that a weaker one cannot be chosen.
      signature: {
        at: 'header:circleci-signature',
        separator: ',',
        pairs: { separator: '=', take: 'v1' },
        encoding: 'hex',
      },
      content: '{body}',
    },
  ],
  event: {
    type: 'body:type',
    id: 'body:id',
    time: { at: 'body:happened_at', unit: 'rfc3339' },
    order: 'body:workflow.id',
  },
  retry: { retries: true, timeoutSeconds: 10 },
};
