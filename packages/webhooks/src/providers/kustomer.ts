import type { Provider } from '../provider/provider.ts';

export const kustomer: Provider<'kustomer'> = {
  name: 'kustomer',
  title: 'Kustomer',
  docs: 'https://help.kustomer.com/outbound-webhooks-BkbFYg5jX',
  grade: 'B',
  secret: { name: 'value of a header that you add: the whole of it', madeBy: 'you' },
  settings: [{ name: 'header', help: 'the header (default: Authorization)', optional: true }],
  schemes: [{ kind: 'token', at: 'header:authorization', headerSetting: 'header' }],
  event: {
    type: { first: ['body:name', 'body:type'] },
    id: 'body:id',
    time: { at: 'body:createdAt', unit: 'rfc3339' },
    order: { first: ['body:data.id', 'body:dataId'] },
  },
  retry: { retries: true },
};
