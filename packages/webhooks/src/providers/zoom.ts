import type { Provider } from '../provider/provider.ts';
import { hmacOfField } from '../provider/handshakes.ts';

export const zoom: Provider<'zoom'> = {
  name: 'zoom',
  title: 'Zoom',
  docs: 'https://developers.zoom.us/docs/api/webhooks/',
  grade: 'A',
  secret: { name: 'secret token', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-zm-signature', prefix: 'v0=', encoding: 'hex' },
      content: 'v0:{timestamp}:{body}',
      timestamp: { at: 'header:x-zm-request-timestamp', unit: 'seconds', toleranceSeconds: 300 },
    },
  ],
  // Asked when the URL is entered, and every 72 hours after that.
  handshakes: [
    hmacOfField({
      when: { at: 'body:event', is: 'endpoint.url_validation' },
      field: 'body:payload.plainToken',
      echoAs: 'plainToken',
      as: 'encryptedToken',
      encoding: 'hex',
      on: 'verified',
    }),
  ],
  event: {
    type: 'body:event',
    time: { at: 'body:event_ts', unit: 'milliseconds' },
    order: { first: ['body:payload.object.uuid', 'body:payload.object.id'] },
  },
  retry: {
    retries: true,
    timeoutSeconds: 3,
    spanSeconds: 5_100,
    note: '3 more tries, after 5, 20 and 60 minutes',
  },
};
