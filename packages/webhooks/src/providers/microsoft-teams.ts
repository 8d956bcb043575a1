import type { Provider } from '../provider/provider.ts';

export const microsoftTeams: Provider<'microsoft-teams'> = {
  name: 'microsoft-teams',
  title: 'Microsoft Teams outgoing webhooks',
  docs: 'https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-outgoing-webhook',
  grade: 'A',
  secret: { name: 'security token', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'base64',
      signature: { at: 'header:authorization', prefix: 'HMAC ', encoding: 'base64' },
      content: '{body}',
    },
  ],
  event: {
    type: 'body:type',
    // Milliseconds, counted for each conversation.
    id: { all: ['body:conversation.id', 'body:id'], join: ':', complete: true },
    time: { at: 'body:timestamp', unit: 'rfc3339' },
    order: 'body:conversation.id',
  },
  retry: { retries: false, timeoutSeconds: 10 },
  caution: 'what is answered is shown in the conversation',
};
