import type { Provider } from '../provider/provider.ts';

const occurrence = [
  'body:event',
  { first: ['body:message-id', 'body:camp_id'] },
  'body:email',
  'body:ts_event',
] as const;

export const brevo: Provider<'brevo'> = {
  name: 'brevo',
  title: 'Brevo',
  docs: 'https://developers.brevo.com/docs/username-and-password-authentication',
  grade: 'B',
  secret: { name: 'token of the webhook', madeBy: 'you' },
  schemes: [{ kind: 'token', at: 'header:authorization', prefix: 'Bearer ' }],
  event: {
    type: 'body:event',
    // `id` is that of the webhook or the campaign; a message has several recipients, and a mail several links.
    id: {
      first: [
        {
          all: [...occurrence, { first: ['body:link', 'body:URL'] }],
          join: ':',
          complete: true,
        },
        { all: occurrence, join: ':', complete: true },
      ],
    },
    time: { at: { first: ['body:ts_event', 'body:ts'] }, unit: 'seconds' },
    order: { first: ['body:message-id', 'body:email'] },
  },
  retry: { retries: true },
};
