import type { Provider } from '../provider/provider.ts';

export const gorgias: Provider<'gorgias'> = {
  name: 'gorgias',
  title: 'Gorgias',
  docs: 'https://docs.gorgias.com/en-US/http-integrations-81818',
  grade: 'B',
  secret: { name: 'value of a header that you add: the whole of it', madeBy: 'you' },
  settings: [{ name: 'header', help: 'the header (default: Authorization)', optional: true }],
  schemes: [{ kind: 'token', at: 'header:authorization', headerSetting: 'header' }],
  event: {
    // The body is a template of yours; what Gorgias proposes is the ticket.
    type: { first: ['body:event', 'body:type', { all: ['const:ticket', 'body:ticket.status'], join: '.' }] },
    id: 'body:event_id',
    order: 'body:ticket.id',
  },
  retry: { retries: true },
};
