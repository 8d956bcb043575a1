// The rows as the fuzzer meets them: with secrets of the right form, the headers they read, and requests that verify.
import { generateKeyPairSync } from 'node:crypto';
import { signRequest } from '@posthorn/webhooks/provider';
import type { FetchText, Provider, RequestDraft } from '@posthorn/webhooks/provider';
import { providers } from '@posthorn/webhooks/providers/all';

export interface FuzzedRow {
  provider: Provider;
  headers: readonly string[];
  settings: Readonly<Record<string, string>>;
  /** Verifies the seeds. */
  secret: string;
  /** Of the same form, and known to nobody: what verifies with it is forged. */
  unknownSecret: string;
  seeds: readonly RequestDraft[];
  /** What stands at the addresses of published keys: keys that sign nothing here. */
  fetchText: FetchText;
}

interface Secrets {
  signing: string;
  verifying: string;
}

type Scheme = Provider['schemes'][number];
type PublicKeyAlgorithm = Exclude<
  Extract<Scheme, { kind: 'signature' }>['algorithm'],
  `hmac-${string}` | 'sha256'
>;

export const fuzzNowMs = 1_700_000_000_000;
const bodies: readonly (readonly [string, string])[] = [
  [
    'application/json',
    '{"id":"1","type":"a.b","event":"x","action":"opened","created":1700000000,"timestamp":"2023-11-14T22:13:20Z","data":{"id":2,"object":{"id":"3"}},"events":[{"id":"4","type":"c"}]}',
  ],
  ['application/x-www-form-urlencoded', 'id=1&type=a&payload=%7B%22a%22%3A1%7D&b=2&b=1'],
  ['application/json', '[{"eventId":1,"event":"open","timestamp":1700000000}]'],
];

/** One text that is a key set, and holds what other documents hold. */
const publishedKeys = JSON.stringify({
  keys: [keyPair('rsa-sha256'), keyPair('ecdsa-p256-sha256'), keyPair('ed25519')].map(({ publicKey }) => ({
    ...publicKey.export({ format: 'jwk' }),
    kid: 'k1',
    use: 'sig',
  })),
  key: { ...keyPair('ecdsa-p256-sha256').publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' },
  data: { public_key: keyPair('rsa-sha256').publicKey.export({ type: 'spki', format: 'pem' }) },
});

/** `seed` makes secrets that differ by it. */
function textOf(form: unknown, seed: number): string {
  const bytes = Buffer.alloc(32, seed);
  if (form === 'hex') return bytes.toString('hex');
  if (form === 'base64') return bytes.toString('base64');
  if (typeof form === 'object') return `whsec_${bytes.toString('base64')}`;
  return `user:${bytes.toString('base64url')}`;
}

function keyPair(algorithm: PublicKeyAlgorithm) {
  if (algorithm === 'ed25519') return generateKeyPairSync('ed25519');
  if (algorithm === 'ecdsa-p256-sha256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('rsa', { modulusLength: 2_048 });
}

function secretsFor(scheme: Scheme | undefined, seed: number): Secrets {
  if (scheme?.kind !== 'signature' || scheme.algorithm.startsWith('hmac') || scheme.algorithm === 'sha256') {
    const text = textOf(scheme?.kind === 'signature' ? scheme.key : 'text', seed);
    return { signing: text, verifying: text };
  }
  const { privateKey, publicKey } = keyPair(scheme.algorithm as PublicKeyAlgorithm);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  // The bare key is at the end of its SubjectPublicKeyInfo.
  const raw = spki.subarray(-32);
  const verifying = { 'raw-hex': raw.toString('hex'), 'raw-base64': raw.toString('base64') };
  return {
    signing: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    verifying:
      scheme.key === 'raw-hex' || scheme.key === 'raw-base64'
        ? verifying[scheme.key]
        : spki.toString('base64'),
  };
}

/** Those that stand in the row, in the text of its functions, and in what it signs. */
function headersOf(provider: Provider, seeds: readonly RequestDraft[]): readonly string[] {
  const written = Array.from(
    JSON.stringify(provider).matchAll(/header:([a-z0-9-]+)/g),
    ([, name = '']) => name,
  );
  const functions = provider.schemes.flatMap((scheme) =>
    Object.values(scheme).filter((each) => typeof each === 'function'),
  );
  const quoted = functions.flatMap((each) =>
    Array.from(String(each).matchAll(/['"`:]([a-z0-9]+(?:-[a-z0-9]+)+)['"`]/g), ([, name = '']) => name),
  );
  const signed = seeds.flatMap(({ headers }) => Object.keys(headers));
  return [...new Set([...written, ...quoted, ...signed])].filter((name) => name !== 'content-type');
}

async function fuzzedRow(provider: Provider): Promise<FuzzedRow> {
  const [scheme] = provider.schemes;
  const { signing, verifying } = secretsFor(scheme, 7);
  const settings = Object.fromEntries((provider.settings ?? []).map(({ name }) => [name, 'x']));
  const seeds: RequestDraft[] = [];
  for (const [contentType, body] of bodies) {
    const input = {
      body,
      secret: signing,
      settings,
      nowMs: fuzzNowMs,
      headers: { 'content-type': contentType },
    };
    // What only the provider can sign, or what does not fit the row, is a seed without a signature.
    const draft = await signRequest(provider, input).catch(() => unsigned(contentType, body));
    seeds.push(draft);
  }
  return {
    provider,
    headers: headersOf(provider, seeds),
    settings,
    secret: verifying,
    unknownSecret: secretsFor(scheme, 9).verifying,
    seeds,
    fetchText: async () => publishedKeys,
  };
}

function unsigned(contentType: string, body: string): RequestDraft {
  return {
    method: 'POST',
    url: 'https://example.com/',
    headers: { 'content-type': contentType },
    body: Uint8Array.from(Buffer.from(body)),
  };
}

export async function fuzzedRows(): Promise<readonly FuzzedRow[]> {
  return Promise.all(Array.from(providers.values(), fuzzedRow));
}
