import type { Provider } from '../provider/provider.ts';

const occurrence = ['body:webhook_id', 'body:event_type', 'body:file_key', 'body:timestamp'] as const;

export const figma: Provider<'figma'> = {
  name: 'figma',
  title: 'Figma',
  docs: 'https://developers.figma.com/docs/rest-api/webhooks-security/',
  grade: 'B',
  secret: { name: 'passcode', madeBy: 'you' },
  schemes: [{ kind: 'token', at: 'body:passcode' }],
  event: {
    type: 'body:event_type',
    id: {
      first: [
        // Within one second, there may be several of a file.
        {
          all: [...occurrence, { first: ['body:comment_id', 'body:node_id'] }],
          join: ':',
          complete: true,
        },
        { all: occurrence, join: ':', complete: true },
      ],
    },
    time: { at: 'body:timestamp', unit: 'rfc3339' },
    order: 'body:file_key',
  },
  retry: { retries: true, note: '3 times, after 5 minutes, 30 minutes and 3 hours' },
};
