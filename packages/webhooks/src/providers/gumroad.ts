import type { Provider } from '../provider/provider.ts';

export const gumroad: Provider<'gumroad'> = {
  name: 'gumroad',
  title: 'Gumroad Ping',
  docs: 'https://gumroad.com/ping',
  grade: 'B',
  secret: { name: 'none', madeBy: 'nobody' },
  schemes: [{ kind: 'unsigned', advice: 'read the sale by its id from the API before you act on it' }],
  event: {
    type: { first: ['form:resource_name', 'const:sale'] },
    // Of sales: a subscription is changed, ended and taken up again and again.
    id: {
      first: [{ all: ['form:resource_name', 'form:sale_id'], join: ':', complete: true }, 'form:sale_id'],
    },
    time: { at: 'form:sale_timestamp', unit: 'rfc3339' },
    order: { first: ['form:subscription_id', 'form:sale_id'] },
  },
  retry: { retries: true, note: 'once an hour for 3 hours' },
};
