import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const launchdarkly: Provider<'launchdarkly'> = {
  name: 'launchdarkly',
  title: 'LaunchDarkly',
  docs: 'https://launchdarkly.com/docs/home/infrastructure/webhooks',
  grade: 'B',
  secret: { name: 'signing secret', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-ld-signature', encoding: 'hex' })],
  event: {
    type: { all: ['body:kind', 'body:accesses.0.action'], join: '.' },
    id: 'body:_id',
    time: { at: 'body:date', unit: 'milliseconds' },
    order: 'body:target.resources.0',
  },
  retry: { retries: true, note: 'one more try; the order is not kept' },
};
