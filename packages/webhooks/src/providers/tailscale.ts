import type { Provider } from '../provider/provider.ts';

export const tailscale: Provider<'tailscale'> = {
  name: 'tailscale',
  title: 'Tailscale',
  docs: 'https://tailscale.com/docs/features/webhooks',
  grade: 'A',
  secret: { name: 'webhook secret (tskey-webhook-…)', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:tailscale-webhook-signature',
        separator: ',',
        pairs: { separator: '=', take: 'v1' },
        encoding: 'hex',
      },
      content: '{timestamp}.{body}',
      timestamp: { at: 'pair:t', unit: 'seconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    batch: 'body:',
    type: 'item:type',
    time: { at: 'item:timestamp', unit: 'rfc3339' },
    order: 'item:data.nodeID',
  },
  retry: { retries: true },
};
