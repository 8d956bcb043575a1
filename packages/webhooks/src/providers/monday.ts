import { echoField } from '../provider/handshakes.ts';
import { sharedJwtScheme } from '../provider/jwt-scheme.ts';
import type { Provider } from '../provider/provider.ts';

/** The setting's way of saying that tokens for every endpoint of the app are taken. */
const anyAudience = 'any';

export const monday: Provider<'monday'> = {
  name: 'monday',
  title: 'monday.com',
  docs: 'https://developer.monday.com/api-reference/reference/webhooks',
  grade: 'A',
  secret: { name: 'signing secret of the app', madeBy: 'provider' },
  settings: [
    {
      name: 'audience',
      help: 'the URL of the endpoint as monday.com has it, which tokens must name; `any` takes those for every endpoint of the app',
    },
  ],
  schemes: [
    sharedJwtScheme(
      {
        header: 'authorization',
        claims: ({ audience = '' }) => ({
          needs: ['exp'],
          ...(audience === anyAudience ? {} : { audience }),
        }),
        sample: (draft, { nowMs, settings: { audience } }) => ({
          accountId: 1,
          userId: 1,
          aud: audience === undefined || audience === anyAudience ? draft.url : audience,
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
