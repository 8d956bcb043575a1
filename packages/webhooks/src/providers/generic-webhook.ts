import type { Provider } from '../provider/provider.ts';

/** Whoever has no row of their own, and signs nothing. */
export const genericWebhook: Provider<'generic-webhook'> = {
  name: 'generic-webhook',
  title: 'Any sender',
  docs: 'https://www.rfc-editor.org/rfc/rfc9110',
  grade: 'A',
  secret: { name: 'secret', madeBy: 'nobody' },
  schemes: [{ kind: 'unsigned', advice: 'keep the URL secret' }],
  event: {
    type: {
      first: [
        'header:x-event-type',
        'header:ce-type',
        'body:type',
        'body:event_type',
        'body:event',
        'form:type',
      ],
    },
    // Of standard and common names alone: a member called id can be that of a thing, which comes in many events.
    id: { first: ['header:idempotency-key', 'header:webhook-id', 'header:ce-id'] },
  },
  retry: { retries: false },
};
