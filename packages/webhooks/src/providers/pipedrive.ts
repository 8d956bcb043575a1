import type { Provider } from '../provider/provider.ts';

export const pipedrive: Provider<'pipedrive'> = {
  name: 'pipedrive',
  title: 'Pipedrive',
  docs: 'https://pipedrive.readme.io/docs/guide-for-webhooks-v2',
  grade: 'B',
  secret: { name: 'user name, `:`, password of the webhook', madeBy: 'you' },
  schemes: [{ kind: 'token', at: 'header:authorization', form: 'basic' }],
  event: {
    // Version 1 says it in one field.
    type: { first: ['body:event', { all: ['body:meta.entity', 'body:meta.action'], join: '.' }] },
    // In version 1, `meta.id` is that of the deal.
    id: {
      first: [
        { when: { 'body:event': [''] }, take: 'body:meta.id' },
        { all: ['body:event', 'body:meta.id', 'body:meta.timestamp_micro'], join: ':', complete: true },
      ],
    },
    time: { at: 'body:meta.timestamp', unit: 'rfc3339' },
    order: { all: ['body:meta.entity', 'body:meta.entity_id'], join: ':' },
  },
  retry: { retries: true, note: '3 times' },
};
