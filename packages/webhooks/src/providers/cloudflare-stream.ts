import type { Provider } from '../provider/provider.ts';

export const cloudflareStream: Provider<'cloudflare-stream'> = {
  name: 'cloudflare-stream',
  title: 'Cloudflare Stream',
  docs: 'https://developers.cloudflare.com/stream/manage-video-library/using-webhooks/',
  grade: 'A',
  secret: { name: 'webhook secret', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:webhook-signature',
        separator: ',',
        pairs: { separator: '=', take: 'sig1' },
        encoding: 'hex',
      },
      content: '{timestamp}.{body}',
      timestamp: { at: 'pair:time', unit: 'seconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: 'body:status.state',
    id: { all: ['body:uid', 'body:status.state', 'body:modified'], join: ' ', complete: true },
    time: { at: 'body:modified', unit: 'rfc3339' },
    order: 'body:uid',
  },
  retry: { retries: true },
};
