import type { Provider } from '../provider/provider.ts';

export const sinch: Provider<'sinch'> = {
  name: 'sinch',
  title: 'Sinch Conversation API',
  docs: 'https://developers.sinch.com/docs/conversation/callbacks',
  grade: 'A',
  secret: { name: 'webhook secret', madeBy: 'you' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-sinch-webhook-signature', encoding: 'base64' },
      // The id is the nonce: another one on every try.
      content: '{body}.{id}.{timestamp}',
      id: 'header:x-sinch-webhook-signature-nonce',
      timestamp: {
        at: 'header:x-sinch-webhook-signature-timestamp',
        unit: 'seconds',
        toleranceSeconds: 300,
      },
    },
  ],
  event: {
    type: {
      first: [
        'body:trigger',
        'header:x-sinch-webhook-trigger',
        'body:message_delivery_report.status',
        'const:callback',
      ],
    },
    id: {
      first: [
        'body:message.id',
        'body:event.id',
        {
          all: ['body:message_delivery_report.message_id', 'body:message_delivery_report.status'],
          join: ' ',
          complete: true,
        },
      ],
    },
    time: { at: { first: ['body:event_time', 'body:accepted_time'] }, unit: 'rfc3339' },
    order: { first: ['body:message.conversation_id', 'body:message_delivery_report.conversation_id'] },
  },
  retry: { retries: true },
};
