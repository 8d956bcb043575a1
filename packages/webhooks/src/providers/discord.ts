import type { Handshake, Provider } from '../provider/provider.ts';

/** Both kinds of webhook are asked whether they are there; only Webhook Events have an `event`, and number their kinds anew. */
const ping: Handshake = {
  on: 'verified',
  async answer(request) {
    const type = request.value('body:type');
    const isInteraction = request.value('body:event.type') === undefined;
    if (type === '0') return { status: 204, headers: {}, body: '' };
    if (type !== '1' || !isInteraction) return undefined;
    return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"type":1}' };
  },
};

export const discord: Provider<'discord'> = {
  name: 'discord',
  title: 'Discord (interactions and webhook events)',
  docs: 'https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint',
  grade: 'A',
  secret: { name: 'public key of the application', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'ed25519',
      key: 'raw-hex',
      signature: { at: 'header:x-signature-ed25519', encoding: 'hex' },
      content: '{timestamp}{body}',
      // Events are sent again for ten minutes.
      timestamp: { at: 'header:x-signature-timestamp', unit: 'seconds', toleranceSeconds: 900 },
    },
  ],
  handshakes: [ping],
  event: {
    type: { first: ['body:event.type', { all: ['const:interaction', 'body:type'], join: '.' }] },
    id: 'body:id',
    time: { at: 'body:event.timestamp', unit: 'rfc3339' },
  },
  retry: { retries: true, timeoutSeconds: 3, spanSeconds: 600, note: 'events only; interactions never' },
  // Discord sends wrong signatures on purpose, and takes the URL away when they are accepted.
  answer: { refusedStatus: 401 },
  caution: 'an interaction expects its reply in the answer, within 3 seconds',
};
