import type { Provider } from '../provider/provider.ts';
import { echoField } from '../provider/handshakes.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const dropbox: Provider<'dropbox'> = {
  name: 'dropbox',
  title: 'Dropbox',
  docs: 'https://www.dropbox.com/developers/reference/webhooks',
  grade: 'A',
  secret: { name: 'app secret', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'x-dropbox-signature', encoding: 'hex' })],
  handshakes: [echoField({ method: 'GET', field: 'query:challenge', on: 'unverified' })],
  event: {
    // It says whose files have changed, and no more.
    type: 'const:list_folder',
    order: 'item:',
    batch: 'body:list_folder.accounts',
  },
  retry: { retries: true, timeoutSeconds: 10 },
};
