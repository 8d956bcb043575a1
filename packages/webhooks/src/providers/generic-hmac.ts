import { hmacOf } from '../hashing.ts';
import { encodeText } from '../provider/encoding.ts';
import { isMac } from '../provider/hmac.ts';
import { importVerificationKey, KeyError } from '../provider/keys.ts';
import type { CustomScheme, HmacAlgorithm, Provider } from '../provider/provider.ts';
import { refuse } from '../verdict.ts';
import { genericWebhook } from './generic-webhook.ts';

type Settings = Readonly<Record<string, string>>;

const algorithms: Readonly<Record<string, HmacAlgorithm>> = {
  sha1: 'hmac-sha1',
  sha256: 'hmac-sha256',
  sha384: 'hmac-sha384',
  sha512: 'hmac-sha512',
};
const algorithmDefault = 'sha256';
const signaturesMax = 16;

/** Throws `KeyError` for an algorithm that is none of these. */
async function macOfBody(settings: Settings, secret: string, body: Uint8Array<ArrayBuffer>) {
  const name = settings['algorithm'] ?? algorithmDefault;
  const algorithm = Object.hasOwn(algorithms, name) ? algorithms[name] : undefined;
  if (algorithm === undefined) {
    throw new KeyError(`the setting algorithm must be one of ${Object.keys(algorithms).join(', ')}`);
  }
  const mac = await hmacOf(await importVerificationKey(algorithm, 'text', secret), body);
  return { mac, prefix: `${name}=` };
}

const headerOf = (settings: Settings) => (settings['header'] ?? '').toLowerCase();

const scheme: CustomScheme = {
  kind: 'custom',
  covers: 'body',
  /** Several signatures, parted by commas, are each tried, with `sha256=` before them or without, in hex or base64. */
  async verify(request, secret, { settings }) {
    const header = headerOf(settings);
    const given = request.headerValues(header).filter((value) => value !== '');
    if (given.length === 0) return refuse('missing-header', `${header} is missing`);
    const { mac, prefix } = await macOfBody(settings, secret, request.body);
    const items = given.flatMap((value) => value.split(',', signaturesMax)).slice(0, signaturesMax);
    const isSigned = items
      .map((item) => item.trim())
      .map((item) => (item.startsWith(prefix) ? item.slice(prefix.length) : item))
      .some((item) => isMac(item, 'hex', mac) || isMac(item, 'base64', mac));
    return isSigned ? { ok: true } : refuse('mismatch', `${header} does not match these bytes`);
  },
  async sign(draft, secret, { settings }) {
    const { mac, prefix } = await macOfBody(settings, secret, draft.body);
    const signature = prefix + encodeText(mac, 'hex');
    return { ...draft, headers: { ...draft.headers, [headerOf(settings)]: signature } };
  },
};

/** Whoever has no row of their own, and signs the body with a secret that both know. */
export const genericHmac: Provider<'generic-hmac'> = {
  name: 'generic-hmac',
  title: 'Any sender that signs the body by HMAC',
  docs: 'https://www.rfc-editor.org/rfc/rfc2104',
  grade: 'A',
  secret: { name: 'key of the HMAC, as text', madeBy: 'you' },
  settings: [
    { name: 'header', help: 'the header that the signature stands in' },
    { name: 'algorithm', help: 'sha256 (unless given), sha1, sha384 or sha512', optional: true },
  ],
  schemes: [scheme],
  event: genericWebhook.event,
  retry: { retries: false },
};
