import type { Provider } from '../provider/provider.ts';

export const mollieClassic: Provider<'mollie-classic'> = {
  name: 'mollie-classic',
  title: 'Mollie (webhookUrl of a payment)',
  docs: 'https://docs.mollie.com/reference/webhooks',
  grade: 'B',
  secret: { name: 'none', madeBy: 'nobody' },
  schemes: [{ kind: 'unsigned', advice: 'it names an object and no more: read it from the API' }],
  event: {
    // The same id comes again at every change.
    type: 'const:changed',
    order: 'form:id',
  },
  retry: { retries: true, timeoutSeconds: 15, spanSeconds: 93_600 },
  answer: { status: 200 },
  caution: 'nothing is signed; read the object from the API before you act on it',
};
