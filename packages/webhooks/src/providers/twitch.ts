import type { Provider } from '../provider/provider.ts';
import { echoField } from '../provider/handshakes.ts';

export const twitch: Provider<'twitch'> = {
  name: 'twitch',
  title: 'Twitch EventSub',
  docs: 'https://dev.twitch.tv/docs/eventsub/handling-webhook-events/',
  grade: 'A',
  secret: { name: 'secret of the subscription', madeBy: 'you' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:twitch-eventsub-message-signature', prefix: 'sha256=', encoding: 'hex' },
      content: '{id}{timestamp}{body}',
      id: 'header:twitch-eventsub-message-id',
      timestamp: {
        at: 'header:twitch-eventsub-message-timestamp',
        unit: 'rfc3339',
        toleranceSeconds: 600,
      },
    },
  ],
  handshakes: [
    echoField({
      when: { at: 'header:twitch-eventsub-message-type', is: 'webhook_callback_verification' },
      field: 'body:challenge',
    }),
  ],
  event: {
    type: { first: ['body:subscription.type', 'header:twitch-eventsub-subscription-type'] },
    id: 'header:twitch-eventsub-message-id',
    time: { at: 'header:twitch-eventsub-message-timestamp', unit: 'rfc3339' },
    order: 'body:subscription.id',
  },
  retry: { retries: true },
};
