import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const jira: Provider<'jira'> = {
  name: 'jira',
  title: 'Jira Cloud',
  docs: 'https://developer.atlassian.com/cloud/jira/platform/webhooks/',
  grade: 'A',
  secret: { name: 'secret of the webhook', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-hub-signature', encoding: 'hex', prefix: 'sha256=' })],
  event: {
    type: 'body:webhookEvent',
    id: 'header:x-atlassian-webhook-identifier',
    time: { at: 'body:timestamp', unit: 'milliseconds' },
    order: { first: ['body:issue.id', 'body:project.id', 'body:version.id', 'body:sprint.id'] },
  },
  retry: { retries: true, note: 'up to five more tries' },
};
