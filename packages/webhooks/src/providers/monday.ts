import { echoField } from '../provider/handshakes.ts';
import { sharedJwtScheme } from '../provider/jwt-scheme.ts';
import type { Provider } from '../provider/provider.ts';

export const monday: Provider<'monday'> = {
  name: 'monday',
  title: 'monday.com',
  docs: 'https://developer.monday.com/api-reference/reference/webhooks',
  grade: 'A',
  secret: { name: 'signing secret of the app', madeBy: 'provider' },
  settings: [
    { name: 'audience', help: "the app's endpoint, which tokens must name (default: any)", optional: true },
  ],
  schemes: [
    sharedJwtScheme(
      {
        header: 'authorization',
        claims: ({ audience }) => ({ needs: ['exp'], ...(audience ? { audience } : {}) }),
        sample: (draft, { nowMs, settings }) => ({
          accountId: 1,
          userId: 1,
          aud: settings['audience'] ?? draft.url,
          exp: Math.floor(nowMs / 1_000) + 300,
        }),
      },
      { algorithms: ['HS256'], key: 'text' },
    ),
  ],
  handshakes: [echoField({ method: 'POST', field: 'body:challenge', as: 'challenge', on: 'unverified' })],
  event: {
    type: 'body:event.type',
    id: 'body:event.triggerUuid',
    time: { at: 'body:event.triggerTime', unit: 'rfc3339' },
    order: { first: ['body:event.pulseId', 'body:event.boardId'] },
  },
  retry: { retries: true, spanSeconds: 1_800, note: 'once a minute' },
  caution: 'the token proves the app, not the event; boards whose webhooks no app made send none',
};
