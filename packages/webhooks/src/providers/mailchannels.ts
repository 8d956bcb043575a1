import { digestOf } from '../hashing.ts';
import { refuse } from '../verdict.ts';
import { decodeText, encodeText } from '../provider/encoding.ts';
import { judgeAge } from '../provider/instant.ts';
import { isHashOf } from '../provider/jwt-claims.ts';
import { importSigningKey, importVerificationKey } from '../provider/keys.ts';
import type { CustomScheme, Provider, SchemeContext } from '../provider/provider.ts';
import { keyById, readKeyJson } from '../provider/published-keys.ts';
import { at } from '../provider/request.ts';

const keyAddress = 'https://api.mailchannels.net/tx/v1/webhook/public-key';
const toleranceSeconds = 300;
const keyIdForm = /^[A-Za-z0-9._-]{1,64}$/;
// What RFC 9421 allows is far more; MailChannels covers the digest, and anything less or else is refused.
const inputForm =
  /^([a-zA-Z][\w-]{0,31})=(\("content-digest"\)((?:;[a-z]+=(?:"[^"\\;]{0,128}"|\d{1,12})){1,8}))$/;

type Input = {
  readonly label: string;
  readonly params: string;
  readonly created: number;
  readonly keyId: string;
};

function readInput(value: string): Input | undefined {
  const [, label = '', params = '', list = ''] = inputForm.exec(value.trim()) ?? [];
  const [, created = ''] = /;created=(\d{1,12})(?:;|$)/.exec(list) ?? [];
  const [, keyId = ''] = /;keyid="([^"]*)"/.exec(list) ?? [];
  const [, algorithm = 'ed25519'] = /;alg="([^"]*)"/.exec(list) ?? [];
  if (created === '' || !keyIdForm.test(keyId) || algorithm !== 'ed25519') return undefined;
  return { label, params, created: Number(created), keyId };
}

function contentOf(digest: string, params: string): Uint8Array<ArrayBuffer> {
  const lines = [`"content-digest": ${digest}`, `"@signature-params": ${params}`];
  return Uint8Array.from(new TextEncoder().encode(lines.join('\n')));
}

function isFor(events: unknown, customer: string | undefined): boolean {
  return Array.isArray(events) && events.every((event) => at(event, 'customer_handle') === customer);
}

function publicKey(id: string, context: SchemeContext): Promise<string | undefined> {
  return keyById(context, {
    address: keyAddress,
    id,
    async read() {
      const key = at(await readKeyJson(context, `${keyAddress}?id=${id}`), 'key');
      return typeof key === 'string' ? key : undefined;
    },
  });
}

const scheme: CustomScheme = {
  kind: 'custom',
  /** HTTP Message Signatures (RFC 9421) over a Content-Digest (RFC 9530) of the body. */
  async verify(request, _secret, context) {
    const [digest, input, value] = ['content-digest', 'signature-input', 'signature'].map(
      (name) => request.header(name) ?? '',
    );
    if (!digest || !input || !value)
      return refuse('missing-header', 'content-digest, signature-input or signature is missing');
    const read = readInput(input);
    const [, hash = ''] = /^sha-256=:([A-Za-z0-9+/=]{44}):$/.exec(digest.trim()) ?? [];
    const [, name, text = ''] = /^([\w-]{1,32})=:([A-Za-z0-9+/=]{88}):$/.exec(value.trim()) ?? [];
    const signature = decodeText(text, 'base64');
    if (read === undefined || name !== read.label || signature === undefined || hash === '')
      return refuse('malformed-header', 'content-digest, signature-input or signature is not as expected');
    if (!(await isHashOf(hash, 'base64', request.body)))
      return refuse('mismatch', 'the body is not the one of content-digest');
    const published = await publicKey(read.keyId, context);
    if (published === undefined) return refuse('unknown-key', 'it is signed with a key that is not known');
    const key = await importVerificationKey('ed25519', 'spki', published);
    if (!(await crypto.subtle.verify('Ed25519', key, signature, contentOf(digest.trim(), read.params))))
      return refuse('mismatch', 'the signature does not match');
    // The key signs for every customer.
    if (!isFor(request.json(), context.settings['customerHandle']))
      return refuse('mismatch', 'an event is of another customer');
    const wrongAge = judgeAge(read.created, context.nowMs, context.toleranceSeconds ?? toleranceSeconds);
    return wrongAge ?? { ok: true, timestamp: read.created };
  },
  async sign(draft, secret, { nowMs }) {
    const hash = await digestOf('SHA-256', draft.body);
    const digest = `sha-256=:${encodeText(hash, 'base64')}:`;
    const params = `("content-digest");created=${Math.floor(nowMs / 1_000)};alg="ed25519";keyid="test"`;
    const key = await importSigningKey('ed25519', secret);
    const signature = new Uint8Array(await crypto.subtle.sign('Ed25519', key, contentOf(digest, params)));
    const added = {
      'content-digest': digest,
      'signature-input': `sig_1=${params}`,
      signature: `sig_1=:${encodeText(signature, 'base64')}:`,
    };
    return { ...draft, headers: { ...draft.headers, ...added } };
  },
};

export const mailchannels: Provider<'mailchannels'> = {
  name: 'mailchannels',
  title: 'MailChannels',
  docs: 'https://docs.mailchannels.net/email-api/advanced/delivery-events/',
  grade: 'B',
  secret: { name: 'none', madeBy: 'nobody' },
  settings: [{ name: 'customerHandle', help: 'your account id; events of other customers are refused' }],
  schemes: [scheme],
  event: {
    batch: 'body:',
    type: 'item:event',
    // A request may have several recipients.
    id: {
      all: [
        'item:request_id',
        { first: ['item:smtp_id', 'item:recipients.0'] },
        'item:event',
        'item:timestamp',
      ],
      join: ':',
      complete: true,
    },
    time: { at: 'item:timestamp', unit: 'seconds' },
    order: 'item:request_id',
  },
  retry: { retries: true },
};
