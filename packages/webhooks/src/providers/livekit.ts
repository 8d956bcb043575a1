import { sharedJwtScheme } from '../provider/jwt-scheme.ts';
import type { Provider } from '../provider/provider.ts';

export const livekit: Provider<'livekit'> = {
  name: 'livekit',
  title: 'LiveKit',
  docs: 'https://docs.livekit.io/home/server/webhooks/',
  grade: 'A',
  secret: { name: 'API secret', madeBy: 'provider' },
  settings: [{ name: 'apiKey', help: 'the API key that the secret belongs to: tokens must name it' }],
  schemes: [
    sharedJwtScheme(
      {
        header: 'authorization',
        bodyHash: { claim: 'sha256', encoding: 'base64' },
        claims: ({ apiKey = '' }) => ({ needs: ['exp'], issuers: [apiKey] }),
        sample: (_draft, { settings, nowMs }) => ({
          iss: settings['apiKey'] ?? '',
          exp: Math.floor(nowMs / 1_000) + 300,
        }),
      },
      { algorithms: ['HS256'], key: 'text' },
    ),
  ],
  event: {
    type: 'body:event',
    id: 'body:id',
    time: { at: 'body:createdAt', unit: 'seconds' },
    order: { first: ['body:room.sid', 'body:egressInfo.roomId', 'body:ingressInfo.ingressId'] },
  },
  retry: { retries: true },
};
