import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const coinbaseCommerce: Provider<'coinbase-commerce'> = {
  name: 'coinbase-commerce',
  title: 'Coinbase Commerce',
  docs: 'https://docs.cdp.coinbase.com/commerce/api-arcitecture/webhooks-overview',
  grade: 'A',
  secret: { name: 'webhook shared secret', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'x-cc-webhook-signature', encoding: 'hex' })],
  event: {
    type: 'body:event.type',
    id: 'body:event.id',
    time: { at: 'body:event.created_at', unit: 'rfc3339' },
    order: 'body:event.data.code',
  },
  retry: { retries: true, spanSeconds: 259_200 },
  answer: { status: 200 },
};
