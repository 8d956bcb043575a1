import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const snyk: Provider<'snyk'> = {
  name: 'snyk',
  title: 'Snyk',
  docs: 'https://docs.snyk.io/snyk-api/using-specific-snyk-apis/webhooks-apis',
  grade: 'A',
  secret: { name: 'secret of the webhook', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-hub-signature', encoding: 'hex', prefix: 'sha256=' })],
  event: {
    // With the version of the payload: `project_snapshot/v0`.
    type: 'header:x-snyk-event',
    id: 'header:x-snyk-transport-id',
    time: { at: 'header:x-snyk-timestamp', unit: 'rfc3339' },
    order: 'body:project.id',
  },
  retry: { retries: false, note: 'retries are not documented' },
};
