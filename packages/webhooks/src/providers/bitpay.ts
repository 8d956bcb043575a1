import type { Provider } from '../provider/provider.ts';

export const bitpay: Provider<'bitpay'> = {
  name: 'bitpay',
  title: 'BitPay',
  docs: 'https://developer.bitpay.com/docs/instant-payment-notifications',
  grade: 'B',
  secret: { name: 'none', madeBy: 'nobody' },
  schemes: [{ kind: 'unsigned', advice: 'read the invoice by its id from the API before you act on it' }],
  event: {
    type: { first: ['body:event.name', { all: ['const:invoice', 'body:status'], join: '.' }] },
    id: {
      first: [
        { all: ['body:event.name', 'body:data.id', 'body:data.status'], join: ':', complete: true },
        { all: ['body:id', 'body:status'], join: ':', complete: true },
      ],
    },
    time: { at: 'body:data.currentTime', unit: 'milliseconds' },
    order: { first: ['body:data.id', 'body:id'] },
  },
  retry: { retries: true },
};
