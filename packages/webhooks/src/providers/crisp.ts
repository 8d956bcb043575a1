import type { Provider } from '../provider/provider.ts';

export const crisp: Provider<'crisp'> = {
  name: 'crisp',
  title: 'Crisp plugin hooks',
  docs: 'https://docs.crisp.chat/guides/web-hooks/plugin-hooks/',
  grade: 'A',
  secret: { name: 'hook signing secret', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-crisp-signature', encoding: 'hex' },
      content: '[{timestamp};{body}]',
      timestamp: { at: 'header:x-crisp-request-timestamp', unit: 'unix', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: 'body:event',
    time: { at: 'body:timestamp', unit: 'milliseconds' },
    order: 'body:data.session_id',
  },
  retry: { retries: true },
};
