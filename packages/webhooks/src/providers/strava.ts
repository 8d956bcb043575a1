import type { Provider } from '../provider/provider.ts';
import { echoToWhoKnows, verifyToken } from '../provider/handshakes.ts';

export const strava: Provider<'strava'> = {
  name: 'strava',
  title: 'Strava',
  docs: 'https://developers.strava.com/docs/webhooks/',
  grade: 'B',
  secret: { name: 'none', madeBy: 'nobody' },
  schemes: [{ kind: 'unsigned', advice: 'keep its URL secret, and read the object from the API' }],
  handshakes: [
    echoToWhoKnows({
      token: 'query:hub.verify_token',
      field: 'query:hub.challenge',
      as: 'hub.challenge',
    }),
  ],
  event: {
    type: { all: ['body:object_type', 'body:aspect_type'], join: '.' },
    id: {
      all: ['body:object_type', 'body:object_id', 'body:aspect_type', 'body:event_time'],
      join: '.',
      complete: true,
    },
    time: { at: 'body:event_time', unit: 'seconds' },
    order: { all: ['body:object_type', 'body:object_id'], join: '.' },
  },
  retry: { retries: true, timeoutSeconds: 2, note: 'three tries in all' },
  answer: { status: 200 },
  settings: [verifyToken],
  caution: 'nothing is signed; read the object from the API before you act on it',
};
