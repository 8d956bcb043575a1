import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const quickbooks: Provider<'quickbooks'> = {
  name: 'quickbooks',
  title: 'QuickBooks Online',
  docs: 'https://developer.intuit.com/app/developer/qbo/docs/develop/webhooks',
  grade: 'A',
  secret: { name: 'verifier token', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'intuit-signature', encoding: 'base64' })],
  event: {
    // The classic form holds entities in notifications, the newer one is an array of CloudEvents.
    type: {
      first: [
        'item:type',
        {
          all: ['item:dataChangeEvent.entities.0.name', 'item:dataChangeEvent.entities.0.operation'],
          join: '.',
        },
      ],
    },
    id: {
      first: [
        'item:id',
        {
          all: [
            'item:realmId',
            'item:dataChangeEvent.entities.0.name',
            'item:dataChangeEvent.entities.0.id',
            'item:dataChangeEvent.entities.0.operation',
            'item:dataChangeEvent.entities.0.lastUpdated',
          ],
          join: '.',
          complete: true,
        },
      ],
    },
    time: {
      at: { first: ['item:time', 'item:dataChangeEvent.entities.0.lastUpdated'] },
      unit: 'rfc3339',
    },
    order: {
      all: [
        { first: ['item:intuitaccountid', 'item:realmId'] },
        { first: ['item:intuitentityid', 'item:dataChangeEvent.entities.0.id'] },
      ],
      join: '/',
      complete: true,
    },
    batch: ['body:eventNotifications', 'body:'],
    nested: ['item:dataChangeEvent.entities'],
  },
  retry: { retries: true, timeoutSeconds: 3 },
  answer: { status: 200 },
};
