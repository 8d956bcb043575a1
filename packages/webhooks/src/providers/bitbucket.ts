import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const bitbucket: Provider<'bitbucket'> = {
  name: 'bitbucket',
  title: 'Bitbucket',
  docs: 'https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/',
  grade: 'A',
  secret: { name: 'secret', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-hub-signature', encoding: 'hex', prefix: 'sha256=' })],
  event: {
    type: 'header:x-event-key',
    // Cloud, and Data Center.
    id: { first: ['header:x-request-uuid', 'header:x-request-id'] },
    order: { first: ['body:repository.uuid', 'body:repository.id'] },
  },
  retry: { retries: true, timeoutSeconds: 10 },
};
