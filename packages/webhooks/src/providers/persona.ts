import type { Provider } from '../provider/provider.ts';

export const persona: Provider<'persona'> = {
  name: 'persona',
  title: 'Persona',
  docs: 'https://docs.withpersona.com/webhooks-best-practices',
  grade: 'A',
  secret: { name: 'webhook secret (wbhsec_…)', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      // Two sets parted by a blank while the secret rotates; both were made at the time of the first.
      signature: {
        at: 'header:persona-signature',
        separator: [',', ' '],
        pairs: { separator: '=', take: 'v1' },
        encoding: 'hex',
      },
      content: '{timestamp}.{body}',
      timestamp: { at: 'pair:t', unit: 'seconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: 'body:data.attributes.name',
    id: 'body:data.id',
    time: { at: 'body:data.attributes.created-at', unit: 'rfc3339' },
    order: 'body:data.attributes.payload.data.id',
  },
  retry: { retries: true },
};
