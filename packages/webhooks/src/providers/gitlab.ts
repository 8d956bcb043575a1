import type { Provider } from '../provider/provider.ts';
import { standardScheme } from './standard-webhooks.ts';

export const gitlab: Provider<'gitlab'> = {
  name: 'gitlab',
  title: 'GitLab',
  docs: 'https://docs.gitlab.com/user/project/integrations/webhooks/',
  grade: 'A',
  secret: { name: 'signing token (whsec_…), or secret token', madeBy: 'you' },
  schemes: [
    { ...standardScheme({ header: 'webhook-' }), when: ['header:webhook-signature'] },
    { kind: 'token', when: ['header:x-gitlab-token'], at: 'header:x-gitlab-token' },
  ],
  event: {
    type: { all: ['body:object_kind', 'body:object_attributes.action'], join: '.' },
    id: { first: ['header:idempotency-key', 'header:webhook-id', 'header:x-gitlab-event-uuid'] },
    order: 'body:project.id',
  },
  retry: { retries: false, timeoutSeconds: 10, note: 'a hook that keeps failing is disabled' },
};
