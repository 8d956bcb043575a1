import type { Provider } from '../provider/provider.ts';

const ofRecipient = ['body:RecordType', 'body:MessageID', 'body:Recipient'] as const;

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
      first: [
        // Bounces and complaints have an id of their own: a message may have several recipients.
        { all: ['body:RecordType', 'body:ID'], join: ':', complete: true },
        { all: [...ofRecipient, 'body:ReceivedAt', 'body:OriginalLink'], join: ':', complete: true },
        { all: [...ofRecipient, 'body:ReceivedAt'], join: ':', complete: true },
        // Made by hand, it belongs to no message, and comes with each change.
        { all: ['body:RecordType', 'body:Recipient', 'body:ChangedAt'], join: ':', complete: true },
        { all: ofRecipient, join: ':', complete: true },
        { when: { 'body:RecordType': ['', 'Inbound'] }, take: 'body:MessageID' },
      ],
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
