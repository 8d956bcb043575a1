import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const sentry: Provider<'sentry'> = {
  name: 'sentry',
  title: 'Sentry',
  docs: 'https://docs.sentry.io/organization/integrations/integration-platform/webhooks/',
  grade: 'B',
  secret: { name: 'client secret', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'sentry-hook-signature', encoding: 'hex' })],
  event: {
    type: { all: ['header:sentry-hook-resource', 'body:action'], join: '.' },
    id: 'header:request-id',
    // Not signed.
    time: { at: 'header:sentry-hook-timestamp', unit: 'seconds' },
    order: { first: ['body:data.issue.id', 'body:data.event.issue_id', 'body:data.error.issue_id'] },
  },
  retry: { retries: true, timeoutSeconds: 1 },
};
