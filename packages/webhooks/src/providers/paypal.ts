import { refuse } from '../verdict.ts';
import { MissingContent } from '../provider/content.ts';
import { crc32 } from '../provider/crc32.ts';
import { certificateKey, isHttpsAt } from '../provider/published-keys.ts';
import type { ContentFunction, Provider } from '../provider/provider.ts';

const certificateHost = /^(?:[a-z0-9-]+\.)*paypal\.com$/;
const certificatePath = /^\/v1\/notifications\/certs\/[A-Za-z0-9-]{1,100}$/;

const content: ContentFunction = (request, { id = '', settings }) => {
  const time = request.header('paypal-transmission-time');
  if (!time) throw new MissingContent('paypal-transmission-time');
  return [[id, time, settings['webhookId'], crc32(request.body)].join('|')];
};

export const paypal: Provider<'paypal'> = {
  name: 'paypal',
  title: 'PayPal',
  docs: 'https://developer.paypal.com/api/rest/webhooks/rest/#link-messagesignature',
  grade: 'A',
  secret: { name: 'none', madeBy: 'nobody' },
  settings: [{ name: 'webhookId', help: 'the id of the webhook, as the developer dashboard shows it' }],
  schemes: [
    {
      kind: 'signature',
      algorithm: 'rsa-sha256',
      key: 'spki',
      signature: { at: 'header:paypal-transmission-sig', encoding: 'base64' },
      content,
      id: 'header:paypal-transmission-id',
      async keys(request, context) {
        const url = isHttpsAt(request.header('paypal-cert-url') ?? '', certificateHost);
        if (url === undefined || !certificatePath.test(url.pathname) || url.search !== '' || url.hash !== '')
          return refuse('unknown-key', 'paypal-cert-url is no certificate of PayPal');
        const key = await certificateKey(context, { url: url.href, publisher: 'PayPal' });
        return typeof key === 'string' ? [key] : key;
      },
    },
  ],
  event: {
    type: 'body:event_type',
    id: 'body:id',
    time: { at: 'body:create_time', unit: 'rfc3339' },
    order: 'body:resource.id',
  },
  retry: { retries: true, spanSeconds: 259_200 },
  caution:
    'the body is signed by its CRC-32 alone, which another body can be made to have: fetch the resource before acting on it',
};
