import { echoField } from '../provider/handshakes.ts';
import type { Provider } from '../provider/provider.ts';

export const okta: Provider<'okta'> = {
  name: 'okta',
  title: 'Okta event hooks',
  docs: 'https://developer.okta.com/docs/concepts/event-hooks/',
  grade: 'A',
  secret: { name: 'authentication secret: the whole value of the header', madeBy: 'you' },
  settings: [{ name: 'header', help: 'the authentication field (default: Authorization)', optional: true }],
  schemes: [{ kind: 'token', at: 'header:authorization', headerSetting: 'header' }],
  handshakes: [
    echoField({
      method: 'GET',
      field: 'header:x-okta-verification-challenge',
      as: 'verification',
      on: 'unverified',
    }),
  ],
  event: {
    batch: 'body:data.events',
    type: 'item:eventType',
    id: 'item:uuid',
    time: { at: 'item:published', unit: 'rfc3339' },
  },
  retry: { retries: true, timeoutSeconds: 3, note: 'once' },
};
