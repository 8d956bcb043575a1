import type { Provider } from '../provider/provider.ts';

/** An update has its id and one more key, which is what happened. */
function typeOf(update: unknown): string | undefined {
  return typeof update === 'object' && update !== null
    ? Object.keys(update).find((key) => key !== 'update_id')
    : undefined;
}

export const telegram: Provider<'telegram'> = {
  name: 'telegram',
  title: 'Telegram Bot API',
  docs: 'https://core.telegram.org/bots/api#setwebhook',
  grade: 'A',
  secret: { name: 'secret_token of setWebhook', madeBy: 'you' },
  schemes: [{ kind: 'token', at: 'header:x-telegram-bot-api-secret-token' }],
  event: {
    type: (_request, item) => typeOf(item),
    id: 'body:update_id',
    time: {
      at: { first: ['body:message.date', 'body:edited_message.edit_date', 'body:channel_post.date'] },
      unit: 'seconds',
    },
    order: {
      first: [
        'body:message.chat.id',
        'body:edited_message.chat.id',
        'body:channel_post.chat.id',
        'body:callback_query.message.chat.id',
      ],
    },
  },
  retry: { retries: true, note: 'a reasonable number of times' },
};
