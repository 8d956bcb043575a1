import type { Provider } from '../provider/provider.ts';

export const pandadoc: Provider<'pandadoc'> = {
  name: 'pandadoc',
  title: 'PandaDoc',
  docs: 'https://developers.pandadoc.com/docs/webhook-verification',
  grade: 'B',
  secret: { name: 'shared key', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'query:signature', encoding: 'hex' },
      content: '{body}',
    },
  ],
  event: {
    batch: 'body:',
    type: 'item:event',
    id: { all: ['item:event', 'item:data.id', 'item:data.date_modified'], join: ':', complete: true },
    time: { at: 'item:data.date_modified', unit: 'rfc3339' },
    order: 'item:data.id',
  },
  retry: { retries: true },
};
