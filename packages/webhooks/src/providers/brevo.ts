import type { Provider } from '../provider/provider.ts';

export const brevo: Provider<'brevo'> = {
  name: 'brevo',
  title: 'Brevo',
  docs: 'https://developers.brevo.com/docs/username-and-password-authentication',
  grade: 'B',
  secret: { name: 'token of the webhook', madeBy: 'you' },
  schemes: [{ kind: 'token', at: 'header:authorization', prefix: 'Bearer ' }],
  event: {
    type: 'body:event',
    id: { all: ['body:event', 'body:message-id', 'body:id', 'body:ts_event'], join: ':' },
    time: { at: { first: ['body:ts_event', 'body:ts'] }, unit: 'seconds' },
    order: { first: ['body:message-id', 'body:email'] },
  },
  retry: { retries: true },
};
