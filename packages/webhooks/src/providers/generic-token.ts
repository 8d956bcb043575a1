import type { Provider } from '../provider/provider.ts';
import { genericWebhook } from './generic-webhook.ts';

/** Whoever has no row of their own, and sends a secret along. */
export const genericToken: Provider<'generic-token'> = {
  name: 'generic-token',
  title: 'Any sender of a token',
  docs: 'https://www.rfc-editor.org/rfc/rfc9110',
  grade: 'A',
  secret: { name: 'token: the whole value', madeBy: 'you' },
  settings: [
    {
      name: 'place',
      help: 'where the token stands: header:x-token (default: header:authorization), query:token, or payload:token, a member of the JSON or a field of the form',
      optional: true,
    },
  ],
  schemes: [{ kind: 'token', at: 'header:authorization', placeSetting: 'place' }],
  event: genericWebhook.event,
  retry: { retries: false },
};
