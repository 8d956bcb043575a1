import type { Provider } from '../provider/provider.ts';

export const supabaseDatabase: Provider<'supabase-database'> = {
  name: 'supabase-database',
  title: 'Supabase database webhooks',
  docs: 'https://supabase.com/docs/guides/database/webhooks',
  grade: 'A',
  secret: { name: 'value of a header that you add: the whole of it', madeBy: 'you' },
  settings: [{ name: 'header', help: 'the header (default: Authorization)', optional: true }],
  schemes: [{ kind: 'token', at: 'header:authorization', headerSetting: 'header' }],
  event: {
    type: { all: ['body:table', 'body:type'], join: '.' },
    order: {
      all: ['body:schema', 'body:table', { first: ['body:record.id', 'body:old_record.id'] }],
      join: ':',
    },
  },
  retry: { retries: false, note: 'sent once by pg_net, within the time-out of the hook' },
};
