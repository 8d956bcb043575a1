import type { Provider } from '../provider/provider.ts';

export const figma: Provider<'figma'> = {
  name: 'figma',
  title: 'Figma',
  docs: 'https://developers.figma.com/docs/rest-api/webhooks-security/',
  grade: 'B',
  secret: { name: 'passcode', madeBy: 'you' },
  schemes: [{ kind: 'token', at: 'body:passcode' }],
  event: {
    type: 'body:event_type',
    id: { all: ['body:webhook_id', 'body:event_type', 'body:file_key', 'body:timestamp'], join: ':' },
    time: { at: 'body:timestamp', unit: 'rfc3339' },
    order: 'body:file_key',
  },
  retry: { retries: true, note: '3 times, after 5 minutes, 30 minutes and 3 hours' },
};
