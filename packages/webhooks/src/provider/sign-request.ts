// Signs a request as the provider would: for tests, local replay and forwarding.
import { encodeText } from './encoding.ts';
import { contentOf } from './content.ts';
import { writeInstant } from './instant.ts';
import { importSigningKey, importVerificationKey, isHmac } from './keys.ts';
import type { Field, Location, Provider, RequestDraft, SignatureScheme, TokenScheme } from './provider.ts';
import { ProviderRequest, split } from './request.ts';
import { basicOf } from './token-scheme.ts';

type Bytes = Uint8Array<ArrayBuffer>;

export type SignRequestInput = {
  /** Bytes as they will travel; text is its UTF-8 bytes. */
  readonly body: Uint8Array | string;
  /** For public-key schemes the private key, in PKCS #8. */
  readonly secret: string;
  readonly method?: string;
  readonly url?: string;
  /** Headers besides the signature's, such as the event type; names in any case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds since 1970 (default: now). */
  readonly nowMs?: number;
  /** The delivery's id, where the scheme signs one (default: random). */
  readonly id?: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** Which of the provider's schemes (default: the first). */
  readonly schemeIndex?: number;
};

/** Rejects with `KeyError` for a secret that cannot sign, and with `TypeError` when only the provider can sign. */
export async function signRequest(provider: Provider, input: SignRequestInput): Promise<RequestDraft> {
  const scheme = provider.schemes[input.schemeIndex ?? 0];
  if (scheme === undefined) throw new TypeError(`${provider.name} has no scheme ${input.schemeIndex ?? 0}`);
  const draft = draftOf(input);
  switch (scheme.kind) {
    case 'signature':
      return signed(scheme, draft, input);
    case 'token':
      return withToken(scheme, draft, input.secret);
    case 'unsigned':
      return draft;
    case 'custom':
      if (scheme.sign === undefined)
        throw new TypeError(`only ${provider.title} itself can sign its requests`);
      return scheme.sign(draft, input.secret, {
        nowMs: input.nowMs ?? Date.now(),
        toleranceSeconds: undefined,
        fetchText: () => Promise.reject(new TypeError('signing reads no keys')),
        settings: input.settings ?? {},
      });
    default:
      return scheme satisfies never;
  }
}

function draftOf({
  method = 'POST',
  url = 'https://example.com/',
  headers = {},
  body,
}: SignRequestInput): RequestDraft {
  const bytes = Uint8Array.from(typeof body === 'string' ? new TextEncoder().encode(body) : body);
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    method,
    url,
    headers: { 'content-type': 'application/json', ...Object.fromEntries(lower) },
    body: bytes,
  };
}

async function signed(
  scheme: SignatureScheme,
  draft: RequestDraft,
  input: SignRequestInput,
): Promise<RequestDraft> {
  const nowMs = input.nowMs ?? Date.now();
  const timestamp = scheme.timestamp && writeInstant(nowMs, scheme.timestamp.unit);
  const id = scheme.id && (input.id ?? draft.headers[split(scheme.id).rest] ?? `msg_${crypto.randomUUID()}`);
  const headers: Record<string, string> = { ...draft.headers };
  if (scheme.timestamp && timestamp !== undefined) put(headers, scheme.timestamp.at, timestamp);
  if (scheme.id && id !== undefined) put(headers, scheme.id, id);
  const request = new ProviderRequest({ ...draft, headers }, draft.body);
  const content = contentOf(scheme, request, { secret: input.secret, timestamp, id });
  const signature = encodeText(await signatureOf(scheme, content, input.secret), scheme.signature.encoding);
  return withSignature(scheme, { ...draft, headers }, { signature, timestamp });
}

function withSignature(
  scheme: SignatureScheme,
  draft: RequestDraft,
  { signature, timestamp }: { signature: string; timestamp: string | undefined },
): RequestDraft {
  const { at, prefix = '', pairs, separator = ',' } = scheme.signature;
  const place = typeof at === 'string' ? at : at[0];
  if (place === undefined) throw new TypeError('the row names no place for its signature');
  const time = scheme.timestamp && pairPlace(scheme.timestamp.at);
  const pair = pairs && `${pairs.take}${pairs.separator}${prefix}${signature}`;
  const timePair =
    pairs && time !== undefined ? `${time}${pairs.separator}${timestamp ?? ''}${separator}` : '';
  const value = pair === undefined ? prefix + signature : timePair + pair;
  const { source, rest } = split(place);
  if (source === 'header') return { ...draft, headers: { ...draft.headers, [rest]: value } };
  if (source !== 'query') throw new TypeError(`a signature in the ${source} needs a function of its own`);
  const url = new URL(draft.url);
  url.searchParams.set(rest, value);
  return { ...draft, url: url.href };
}

async function signatureOf(scheme: SignatureScheme, content: Bytes, secret: string): Promise<Bytes> {
  const { algorithm, key: form } = scheme;
  if (algorithm === 'sha256') return new Uint8Array(await crypto.subtle.digest('SHA-256', content));
  if (isHmac(algorithm)) {
    const key = await importVerificationKey(algorithm, form, secret);
    return new Uint8Array(await crypto.subtle.sign('HMAC', key, content));
  }
  const key = await importSigningKey(algorithm, secret);
  if (algorithm === 'ecdsa-p256-sha256') {
    return derOf(new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, content)));
  }
  const name = algorithm === 'ed25519' ? 'Ed25519' : 'RSASSA-PKCS1-v1_5';
  return new Uint8Array(await crypto.subtle.sign(name, key, content));
}

function withToken({ at, prefix, form }: TokenScheme, draft: RequestDraft, secret: string): RequestDraft {
  const { source, rest } = split(at);
  const value = form === 'basic' ? `${prefix ?? 'Basic '}${basicOf(secret)}` : (prefix ?? '') + secret;
  if (source === 'header') return { ...draft, headers: { ...draft.headers, [rest]: value } };
  if (source !== 'query') return draft;
  const url = new URL(draft.url);
  url.searchParams.set(rest, value);
  return { ...draft, url: url.href };
}

function put(headers: Record<string, string>, field: Field, value: string): void {
  const place = placeOf(field);
  if (place?.startsWith('header:')) headers[place.slice('header:'.length)] = value;
}

function pairPlace(field: Field): string | undefined {
  const place = placeOf(field);
  return place?.startsWith('pair:') ? place.slice('pair:'.length) : undefined;
}

function placeOf(field: Field): Location | undefined {
  if (typeof field === 'string') return field;
  const [first] = 'first' in field ? field.first : field.all;
  return first === undefined ? undefined : placeOf(first);
}

/** The two numbers of Web Crypto as ASN.1 DER. */
function derOf(raw: Bytes): Bytes {
  const integers = [raw.slice(0, 32), raw.slice(32)].flatMap((number) => {
    const start = number.findIndex((byte) => byte !== 0);
    const digits = Array.from(number.slice(start));
    const positive = (digits[0] ?? 0) > 0x7f ? [0, ...digits] : digits;
    return [0x02, positive.length, ...positive];
  });
  return Uint8Array.from([0x30, integers.length, ...integers]);
}
