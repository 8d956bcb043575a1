import { refuse } from '../verdict.ts';
import { decodeBase64 } from '../base64.ts';
import { encodeText } from '../provider/encoding.ts';
import { isMac, macOf } from '../provider/hmac.ts';
import type { CustomScheme, Handshake, Provider } from '../provider/provider.ts';
import type { ProviderRequest } from '../provider/request.ts';

// The key is the SHA-1 of the private key's text.
const recipe = { algorithm: 'hmac-sha1', key: 'sha1' } as const;
const pairsMax = 16;
const challengeForm = /^[a-f0-9]{20,32}$/;

const scheme: CustomScheme = {
  kind: 'custom',
  /** `bt_signature` lists public keys with their signatures; only that of our own is looked at. */
  async verify(request, secret, { settings }) {
    const given = request.value('form:bt_signature');
    const payload = request.value('form:bt_payload');
    if (!given || !payload) return refuse('missing-header', 'bt_signature or bt_payload (form) is missing');
    // Whoever asks gets the MAC of such a text; no notification is one.
    if (challengeForm.test(payload)) return refuse('mismatch', 'bt_payload is a challenge');
    const pairs = given.split('&', pairsMax).map((pair) => pair.split('|', 2));
    const [, signature] = pairs.find(([publicKey]) => publicKey === settings['publicKey']) ?? [];
    if (signature === undefined) return refuse('unknown-key', 'bt_signature names another public key');
    for (const content of [payload, `${payload}\n`]) {
      if (isMac(signature, 'hex', await macOf(recipe, secret, content))) return { ok: true };
    }
    return refuse('mismatch', 'bt_signature does not match bt_payload');
  },
  async sign(draft, secret, { settings }) {
    const form = new URLSearchParams(new TextDecoder().decode(draft.body));
    const mac = await macOf(recipe, secret, form.get('bt_payload') ?? '');
    form.set('bt_signature', `${settings['publicKey'] ?? ''}|${encodeText(mac, 'hex')}`);
    return { ...draft, body: Uint8Array.from(new TextEncoder().encode(form.toString())) };
  },
};

/** A GET with a challenge, which is answered with the public key and the challenge's MAC. */
const challenge: Handshake = {
  on: 'unverified',
  async answer(request, { secrets: [secret], settings }) {
    const asked = request.method === 'GET' ? request.value('query:bt_challenge') : undefined;
    // Nothing else is signed for whoever asks: a MAC over any text would be a forged notification.
    if (asked === undefined || secret === undefined || !challengeForm.test(asked)) return undefined;
    const mac = encodeText(await macOf(recipe, secret, asked), 'hex');
    return {
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
      body: `${settings['publicKey'] ?? ''}|${mac}`,
    };
  },
};

/** What the XML says of itself; the rest stays XML. */
function eventsOf(request: ProviderRequest): readonly unknown[] | undefined {
  const bytes = decodeBase64((request.value('form:bt_payload') ?? '').replace(/\s+/g, ''));
  if (bytes === undefined) return undefined;
  const xml = new TextDecoder().decode(bytes);
  const [, kind] = /<kind>([a-z0-9_]{1,100})<\/kind>/.exec(xml) ?? [];
  const [, timestamp] = /<timestamp[^>]{0,40}>([0-9TZ:.+-]{1,40})<\/timestamp>/.exec(xml) ?? [];
  return [{ kind, timestamp, xml }];
}

export const braintree: Provider<'braintree'> = {
  name: 'braintree',
  title: 'Braintree',
  docs: 'https://developer.paypal.com/braintree/docs/guides/webhooks/parse/node',
  grade: 'A',
  secret: { name: 'private key of the API keys', madeBy: 'provider' },
  settings: [{ name: 'publicKey', help: 'the public key that belongs to the private key' }],
  schemes: [scheme],
  handshakes: [challenge],
  event: {
    batch: eventsOf,
    type: 'item:kind',
    time: { at: 'item:timestamp', unit: 'rfc3339' },
  },
  retry: { retries: true },
};
