import type { Provider } from '../provider/provider.ts';

export const azureDevops: Provider<'azure-devops'> = {
  name: 'azure-devops',
  title: 'Azure DevOps service hooks',
  docs: 'https://learn.microsoft.com/en-us/azure/devops/service-hooks/services/webhooks',
  grade: 'B',
  secret: { name: 'user name, `:`, password of the basic authentication', madeBy: 'you' },
  schemes: [{ kind: 'token', at: 'header:authorization', form: 'basic' }],
  event: {
    type: 'body:eventType',
    id: {
      first: [
        { all: ['body:id', 'body:subscriptionId', 'body:notificationId'], join: ':', complete: true },
        'body:id',
      ],
    },
    time: { at: 'body:createdDate', unit: 'rfc3339' },
    order: { first: ['body:resource.pullRequestId', 'body:resource.workItemId', 'body:resource.id'] },
  },
  retry: { retries: true },
};
