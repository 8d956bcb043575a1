import type { Provider } from '../provider/provider.ts';
import { echoField } from '../provider/handshakes.ts';

export const front: Provider<'front'> = {
  name: 'front',
  title: 'Front application webhooks',
  docs: 'https://dev.frontapp.com/docs/application-webhooks',
  grade: 'A',
  secret: { name: 'application signing key', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-front-signature', encoding: 'base64' },
      content: '{timestamp}:{body}',
      timestamp: { at: 'header:x-front-request-timestamp', unit: 'milliseconds', toleranceSeconds: 300 },
    },
  ],
  handshakes: [
    echoField({
      when: { at: 'body:type', is: 'sync' },
      field: 'header:x-front-challenge',
      as: 'challenge',
    }),
  ],
  event: {
    type: 'body:type',
    id: 'body:payload.id',
    time: { at: 'body:payload.emitted_at', unit: 'unix' },
    order: 'body:payload.conversation.id',
  },
  retry: { retries: true },
};
