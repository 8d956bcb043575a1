import type { Provider } from '../provider/provider.ts';

export const bigcommerce: Provider<'bigcommerce'> = {
  name: 'bigcommerce',
  title: 'BigCommerce',
  docs: 'https://developer.bigcommerce.com/docs/integrations/webhooks',
  grade: 'B',
  secret: { name: 'value of a header that you add: the whole of it', madeBy: 'you' },
  schemes: [{ kind: 'token', at: 'header:authorization', headerSetting: 'header' }],
  event: {
    type: 'body:scope',
    id: 'body:hash',
    time: { at: 'body:created_at', unit: 'seconds' },
    order: { all: ['body:producer', 'body:data.type', 'body:data.id'], join: '/', complete: true },
  },
  retry: { retries: true, spanSeconds: 172_800 },
  answer: { status: 200 },
  settings: [{ name: 'header', help: 'the header (default: Authorization)', optional: true }],
};
