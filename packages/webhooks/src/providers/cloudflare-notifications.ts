import type { Provider } from '../provider/provider.ts';

export const cloudflareNotifications: Provider<'cloudflare-notifications'> = {
  name: 'cloudflare-notifications',
  title: 'Cloudflare Notifications',
  docs: 'https://developers.cloudflare.com/notifications/get-started/configure-webhooks/',
  grade: 'B',
  secret: { name: 'secret of the webhook destination', madeBy: 'you' },
  schemes: [{ kind: 'token', at: 'header:cf-webhook-auth' }],
  event: {
    type: { first: ['body:alert_type', 'body:name'] },
    id: {
      first: [
        {
          all: ['body:policy_id', 'body:alert_correlation_id', 'body:alert_event', 'body:ts'],
          join: ':',
          complete: true,
        },
        { all: ['body:policy_id', 'body:ts'], join: ':', complete: true },
      ],
    },
    time: { at: 'body:ts', unit: 'seconds' },
  },
  retry: { retries: true },
};
