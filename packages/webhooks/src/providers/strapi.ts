import type { Provider } from '../provider/provider.ts';

export const strapi: Provider<'strapi'> = {
  name: 'strapi',
  title: 'Strapi',
  docs: 'https://docs.strapi.io/cms/backend-customization/webhooks',
  grade: 'B',
  secret: { name: 'value of a header that you add: the whole of it', madeBy: 'you' },
  settings: [{ name: 'header', help: 'the header (default: Authorization)', optional: true }],
  schemes: [{ kind: 'token', at: 'header:authorization', headerSetting: 'header' }],
  event: {
    type: { first: ['body:event', 'header:x-strapi-event'] },
    time: { at: 'body:createdAt', unit: 'rfc3339' },
    order: {
      all: ['body:uid', 'body:model', { first: ['body:entry.documentId', 'body:entry.id'] }],
      join: ':',
    },
  },
  retry: { retries: false },
};
