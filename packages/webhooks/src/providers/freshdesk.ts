import type { Provider } from '../provider/provider.ts';

export const freshdesk: Provider<'freshdesk'> = {
  name: 'freshdesk',
  title: 'Freshdesk',
  docs: 'https://support.freshdesk.com/support/solutions/articles/132589-using-webhooks-in-automation-rules-that-run-on-ticket-updates',
  grade: 'B',
  secret: { name: 'value of a header that you add: the whole of it', madeBy: 'you' },
  settings: [{ name: 'header', help: 'the header (default: Authorization)', optional: true }],
  schemes: [{ kind: 'token', at: 'header:authorization', headerSetting: 'header' }],
  event: {
    // The body is a template of yours; these are the names of the simple content.
    type: { first: ['body:freshdesk_webhook.triggered_event', 'body:event'] },
    order: { first: ['body:freshdesk_webhook.ticket_id', 'body:ticket_id'] },
  },
  retry: { retries: true },
};
