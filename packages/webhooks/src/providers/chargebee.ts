import type { Provider } from '../provider/provider.ts';

export const chargebee: Provider<'chargebee'> = {
  name: 'chargebee',
  title: 'Chargebee',
  docs: 'https://www.chargebee.com/docs/billing/2.0/site-configuration/webhook_settings',
  grade: 'A',
  secret: { name: 'user name, `:`, password of the webhook', madeBy: 'you' },
  schemes: [{ kind: 'token', at: 'header:authorization', form: 'basic' }],
  event: {
    type: 'body:event_type',
    id: 'body:id',
    time: { at: 'body:occurred_at', unit: 'seconds' },
    order: {
      first: ['body:content.subscription.id', 'body:content.invoice.id', 'body:content.customer.id'],
    },
  },
  retry: { retries: true },
};
