import type { Provider } from '../provider/provider.ts';

export const freshchat: Provider<'freshchat'> = {
  name: 'freshchat',
  title: 'Freshchat',
  docs: 'https://support.freshchat.com/en/support/solutions/articles/239404-freshchat-webhooks-payload-structure-and-authentication',
  grade: 'B',
  secret: { name: 'public key of the webhook (PEM)', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'rsa-sha256',
      key: 'spki',
      signature: { at: 'header:x-freshchat-signature', encoding: 'base64' },
      content: '{body}',
    },
  ],
  event: {
    type: 'body:action',
    // Only messages have one.
    id: { all: ['body:action', 'body:data.message.id'], join: ':', complete: true },
    time: { at: 'body:action_time', unit: 'rfc3339' },
    order: {
      first: [
        'body:data.message.conversation_id',
        'body:data.resolve.conversation.conversation_id',
        'body:data.reopen.conversation.conversation_id',
      ],
    },
  },
  retry: { retries: true },
};
