import type { Provider } from '../provider/provider.ts';
import { answerMethod } from '../provider/handshakes.ts';

export const trello: Provider<'trello'> = {
  name: 'trello',
  title: 'Trello',
  docs: 'https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/',
  grade: 'A',
  secret: { name: 'application secret', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha1',
      key: 'text',
      signature: { at: 'header:x-trello-webhook', encoding: 'base64' },
      // The URL as it was given when the webhook was made.
      content: '{body}{url}',
    },
  ],
  handshakes: [answerMethod('HEAD')],
  event: {
    type: 'body:action.type',
    id: 'body:action.id',
    time: { at: 'body:action.date', unit: 'rfc3339' },
    order: { first: ['body:action.data.card.id', 'body:model.id'] },
  },
  retry: { retries: true, spanSeconds: 210 },
  answer: { status: 200 },
};
