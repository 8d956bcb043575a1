import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const airtable: Provider<'airtable'> = {
  name: 'airtable',
  title: 'Airtable',
  docs: 'https://airtable.com/developers/web/api/webhooks-overview',
  grade: 'B',
  secret: { name: 'macSecretBase64', madeBy: 'provider' },
  schemes: [
    hmacOfBody({ header: 'x-airtable-content-mac', encoding: 'hex', prefix: 'hmac-sha256=', key: 'base64' }),
  ],
  event: {
    // It says which base has changed: the payloads are listed by the API, from the cursor on.
    type: 'const:changed',
    id: { all: ['body:webhook.id', 'body:timestamp'], join: '.', complete: true },
    time: { at: 'body:timestamp', unit: 'rfc3339' },
    order: 'body:webhook.id',
  },
  retry: { retries: true, note: 'a webhook ends after seven days without a refresh' },
  answer: { status: 200, body: '' },
};
