// Signs a request as the provider would: for tests, local replay and forwarding.
import { digestOf, hmacOf } from '../hashing.ts';
import { encodeText } from './encoding.ts';
import { contentsOf } from './content.ts';
import { writeInstant } from './instant.ts';
import { importSigningKey, importVerificationKey, isHmac } from './keys.ts';
import type { Location } from './location.ts';
import type { Field, Provider, RequestDraft, SignatureScheme, TokenScheme } from './provider.ts';
import { ProviderRequest, split } from './request.ts';
import { forSecret } from './secret-kind.ts';
import { setJsonValue } from './set-json-value.ts';
import { basicOf, tokenPlace } from './token-scheme.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const decoder = new TextDecoder();

export type SignRequestInput = {
  /** Bytes as they will travel; text is its UTF-8 bytes. */
  readonly body: Uint8Array | string;
  /** For public-key schemes the private key, in PKCS #8, or as `whsk_` where Standard Webhooks is meant. */
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
      return withToken(scheme, draft, input);
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
  anySecret: SignatureScheme,
  draft: RequestDraft,
  input: SignRequestInput,
): Promise<RequestDraft> {
  const scheme = forSecret(anySecret, input.secret, 'sign');
  const nowMs = input.nowMs ?? Date.now();
  const timestamp = scheme.timestamp && writeInstant(nowMs, scheme.timestamp.unit);
  const id = scheme.id && (input.id ?? draft.headers[split(scheme.id).rest] ?? `msg_${crypto.randomUUID()}`);
  const timePlace = scheme.timestamp && placeOf(scheme.timestamp.at);
  const timed = timestamp === undefined ? draft : withValue(draft, timePlace, timestamp);
  const ready = id === undefined ? timed : withValue(timed, scheme.id, id);
  const request = new ProviderRequest(ready, ready.body);
  const pairs = givenPairs(scheme, draft);
  const [content] = await contentsOf(scheme, request, {
    secret: input.secret,
    timestamp,
    id,
    valueOf: (place) =>
      place.startsWith('pair:') ? pairs.get(place.slice('pair:'.length)) : request.value(place),
    settings: input.settings ?? {},
  });
  if (content === undefined) throw new TypeError('the row makes no content to sign');
  const signature = encodeText(await signatureOf(scheme, content, input.secret), scheme.signature.encoding);
  return withSignature(scheme, ready, { signature, timestamp, pairs });
}

/** Pairs that the signature's header holds besides, as the caller gave them. */
function givenPairs({ signature }: SignatureScheme, draft: RequestDraft): ReadonlyMap<string, string> {
  const { at, pairs } = signature;
  const place = typeof at === 'string' ? at : at[0];
  const given = pairs === undefined || place === undefined ? '' : (draft.headers[split(place).rest] ?? '');
  const items = given.split(separatorOf(signature)).map((item) => item.trim().split(pairs?.separator ?? '='));
  return new Map(items.flatMap(([key = '', value]) => (value === undefined ? [] : [[key, value]])));
}

function separatorOf({ separator = ',' }: SignatureScheme['signature']): string {
  return typeof separator === 'string' ? separator : (separator[0] ?? ',');
}

function withSignature(
  scheme: SignatureScheme,
  draft: RequestDraft,
  made: { signature: string; timestamp: string | undefined; pairs: ReadonlyMap<string, string> },
): RequestDraft {
  const { at, prefix = '', pairs, leading = [] } = scheme.signature;
  const place = typeof at === 'string' ? at : at[0];
  if (place === undefined) throw new TypeError('the row names no place for its signature');
  const separator = separatorOf(scheme.signature);
  const timePlace = scheme.timestamp && placeOf(scheme.timestamp.at);
  const time = timePlace?.startsWith('pair:') ? timePlace.slice('pair:'.length) : undefined;
  if (pairs === undefined) {
    const before = leading.map((name) => (name === time ? (made.timestamp ?? '') : ''));
    return withValue(draft, place, [...before, prefix + made.signature].join(separator));
  }
  const items = [
    ...made.pairs,
    ...(time === undefined ? [] : [[time, made.timestamp ?? '']]),
    [pairs.take, prefix + made.signature],
  ];
  return withValue(draft, place, items.map((item) => item.join(pairs.separator)).join(separator));
}

/** The request with a value where the row reads it; `pair:` is written with the signature. */
function withValue(draft: RequestDraft, place: Location | undefined, value: string): RequestDraft {
  const { source, rest } = split(place ?? 'const:');
  switch (source) {
    case 'header':
      return { ...draft, headers: { ...draft.headers, [rest]: value } };
    case 'query': {
      const url = new URL(draft.url);
      url.searchParams.set(rest, value);
      return { ...draft, url: url.href };
    }
    case 'form': {
      const form = new URLSearchParams(decoder.decode(draft.body));
      form.set(rest, value);
      return { ...draft, body: Uint8Array.from(new TextEncoder().encode(form.toString())) };
    }
    case 'body':
      return { ...draft, body: setJsonValue(draft.body, rest, value) };
    default:
      return draft;
  }
}

async function signatureOf(scheme: SignatureScheme, content: Bytes, secret: string): Promise<Bytes> {
  const { algorithm, key: form } = scheme;
  if (algorithm === 'sha256') return digestOf('SHA-256', content);
  if (isHmac(algorithm)) {
    const key = await importVerificationKey(algorithm, form, secret);
    return hmacOf(key, content);
  }
  const key = await importSigningKey(algorithm, secret);
  if (algorithm === 'ecdsa-p256-sha256') {
    return derOf(new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, content)));
  }
  const name = algorithm === 'ed25519' ? 'Ed25519' : 'RSASSA-PKCS1-v1_5';
  return new Uint8Array(await crypto.subtle.sign(name, key, content));
}

function withToken(scheme: TokenScheme, draft: RequestDraft, input: SignRequestInput): RequestDraft {
  const { prefix, form } = scheme;
  const token =
    form === 'basic' ? `${prefix ?? 'Basic '}${basicOf(input.secret)}` : (prefix ?? '') + input.secret;
  return withValue(draft, tokenPlace(scheme, input.settings ?? {}), token);
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
