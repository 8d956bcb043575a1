import type { Provider } from '../provider/provider.ts';

export const postmark: Provider<'postmark'> = {
  name: 'postmark',
  title: 'Postmark',
  docs: 'https://postmarkapp.com/developer/webhooks/webhooks-overview',
  grade: 'A',
  secret: { name: 'user name, `:`, password in the URL', madeBy: 'you' },
  schemes: [{ kind: 'token', at: 'header:authorization', form: 'basic' }],
  event: {
    // A message that came in says no type.
    type: { first: ['body:RecordType', 'const:Inbound'] },
    id: {
      first: [{ all: ['body:RecordType', 'body:MessageID', 'body:Recipient', 'body:ReceivedAt'], join: ':' }],
    },
    time: {
      at: { first: ['body:DeliveredAt', 'body:BouncedAt', 'body:ReceivedAt', 'body:ChangedAt'] },
      unit: 'rfc3339',
    },
    order: 'body:MessageID',
  },
  retry: {
    retries: true,
    note: 'bounces and inbound mail ten times, from 1 minute to 6 hours apart; a 403 ends them',
  },
};
