import type { Provider } from '../provider/provider.ts';
import { acknowledge } from '../provider/handshakes.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const woocommerce: Provider<'woocommerce'> = {
  name: 'woocommerce',
  title: 'WooCommerce',
  docs: 'https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks',
  grade: 'A',
  secret: { name: 'webhook secret', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-wc-webhook-signature', encoding: 'base64' })],
  // The first request of a new webhook is a form that says its id, unsigned.
  handshakes: [acknowledge({ has: 'form:webhook_id', lacks: 'header:x-wc-webhook-signature' })],
  event: {
    type: 'header:x-wc-webhook-topic',
    id: 'header:x-wc-webhook-delivery-id',
    order: { all: ['header:x-wc-webhook-resource', 'body:id'], join: '.', complete: true },
  },
  retry: { retries: false, note: 'five failures in a row turn the webhook off' },
};
