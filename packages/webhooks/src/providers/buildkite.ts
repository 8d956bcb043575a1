import type { Provider } from '../provider/provider.ts';

export const buildkite: Provider<'buildkite'> = {
  name: 'buildkite',
  title: 'Buildkite',
  docs: 'https://buildkite.com/docs/apis/webhooks/pipelines',
  grade: 'A',
  secret: { name: 'token of the notification service', madeBy: 'provider' },
  // The same token signs or is sent along, as the service is set.
  schemes: [
    {
      kind: 'signature',
      when: ['header:x-buildkite-signature'],
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:x-buildkite-signature',
        separator: ',',
        pairs: { separator: '=', take: 'signature' },
        encoding: 'hex',
      },
      content: '{timestamp}.{body}',
      timestamp: { at: 'pair:timestamp', unit: 'seconds', toleranceSeconds: 300 },
    },
    { kind: 'token', when: ['header:x-buildkite-token'], at: 'header:x-buildkite-token' },
  ],
  event: {
    type: { first: ['body:event', 'header:x-buildkite-event'] },
    order: { first: ['body:build.id', 'body:agent.id'] },
  },
  retry: { retries: true },
};
