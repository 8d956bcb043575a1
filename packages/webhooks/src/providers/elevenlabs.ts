import type { Provider } from '../provider/provider.ts';

export const elevenlabs: Provider<'elevenlabs'> = {
  name: 'elevenlabs',
  title: 'ElevenLabs',
  docs: 'https://elevenlabs.io/docs/overview/administration/webhooks',
  grade: 'A',
  secret: { name: 'webhook secret', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:elevenlabs-signature',
        separator: ',',
        pairs: { separator: '=', take: 'v0' },
        encoding: 'hex',
      },
      content: '{timestamp}.{body}',
      timestamp: { at: 'pair:t', unit: 'seconds', toleranceSeconds: 1_800 },
    },
  ],
  event: {
    type: 'body:type',
    id: {
      all: ['body:type', 'body:data.conversation_id', 'body:event_timestamp'],
      join: ' ',
      complete: true,
    },
    time: { at: 'body:event_timestamp', unit: 'seconds' },
    order: 'body:data.conversation_id',
  },
  retry: { retries: true },
  answer: { status: 200 },
};
