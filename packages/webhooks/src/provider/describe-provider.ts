// A row in words: what docs/providers.md and `posthorn providers` show.
import type { Location } from './location.ts';
import type { ConditionalField, IdField, KeyForm, Provider, RetryBehaviour, Scheme } from './provider.ts';
import type { SignatureAlgorithm, SignatureScheme, TokenScheme } from './provider.ts';
import { nameOf } from './signatures.ts';

export type ProviderDescription = {
  readonly name: string;
  readonly title: string;
  readonly docs: string;
  readonly grade: Provider['grade'];
  readonly secret: string;
  /** The first that applies is the one that is verified. */
  readonly schemes: readonly string[];
  readonly eventType: string;
  /** Empty when the provider says none. */
  readonly eventId: string;
  readonly retry: string;
  readonly handshake: string;
  /** What verification needs besides the secret. */
  readonly settings: NonNullable<Provider['settings']>;
  /** What must be known before its events are trusted; empty when nothing must. */
  readonly caution: string;
};

const algorithmNames: Readonly<Record<SignatureAlgorithm, string>> = {
  'hmac-sha1': 'HMAC-SHA1',
  'hmac-sha256': 'HMAC-SHA256',
  'hmac-sha384': 'HMAC-SHA384',
  'hmac-sha512': 'HMAC-SHA512',
  sha256: 'SHA-256',
  ed25519: 'Ed25519',
  'ecdsa-p256-sha256': 'ECDSA P-256',
  'rsa-sha1': 'RSA-SHA1',
  'rsa-sha256': 'RSA-SHA256',
};
const secretMakers: Readonly<Record<Exclude<Provider['secret']['madeBy'], 'nobody'>, string>> = {
  provider: 'made by the provider',
  you: 'made by you',
  handshake: 'told in a handshake',
};

export function describeProvider(provider: Provider): ProviderDescription {
  const {
    name,
    title,
    docs,
    grade,
    secret,
    schemes,
    event,
    retry,
    handshakes = [],
    settings = [],
  } = provider;
  const asked = new Set(
    handshakes.map(({ on }) => (on === 'verified' ? 'once verified' : 'before verification')),
  );
  return {
    name,
    title,
    docs,
    grade,
    secret: secret.madeBy === 'nobody' ? 'none' : `${secret.name}, ${secretMakers[secret.madeBy]}`,
    schemes: schemes.map(schemeWords),
    eventType: typeof event.type === 'function' ? 'made of the request' : fieldWords(event.type),
    eventId: event.id === undefined ? '' : fieldWords(event.id),
    retry: retryWords(retry),
    handshake: asked.size === 0 ? '' : `answered ${[...asked].join(' and ')}`,
    settings,
    caution: provider.caution ?? '',
  };
}

function schemeWords(scheme: Scheme): string {
  switch (scheme.kind) {
    case 'signature':
      return signatureWords(scheme);
    case 'token':
      return tokenWords(scheme);
    case 'unsigned':
      return `nothing is signed: ${scheme.advice}`;
    case 'custom':
      return ['a scheme of its own', ...(scheme.when ?? []).map(nameOf)].join(', ');
    default:
      return scheme satisfies never;
  }
}

function signatureWords(scheme: SignatureScheme): string {
  const { algorithm, key, keys, signature, content, timestamp, ed25519 } = scheme;
  const { at, prefix = '', pairs, encoding } = signature;
  const places = (typeof at === 'string' ? [at] : at).map(nameOf).join(' or ');
  const mark = (pairs === undefined ? '' : `${pairs.take}${pairs.separator}`) + prefix;
  return [
    `${algorithmNames[algorithm]} of ${typeof content === 'string' ? content : 'parts of the request'}`,
    ...(keys === undefined ? keyWords(key) : ["the provider's published key"]),
    `${encoding} in ${places}${mark === '' ? '' : ` after ${mark.trim()}`}`,
    ...(ed25519 === undefined ? [] : [`Ed25519 after ${ed25519.take} with a whpk_ key`]),
    ...(timestamp === undefined ? [] : [`at most ${timestamp.toleranceSeconds} s off`]),
  ].join(', ');
}

function keyWords(key: KeyForm): readonly string[] {
  if (key === 'text') return [];
  if (typeof key === 'object') return [`key in base64 after ${[key.base64After].flat().join(' or ')}`];
  const words = {
    'nfkd-text': 'NFKD text',
    hex: 'hex',
    base64: 'base64',
    sha1: 'SHA-1',
    'raw-hex': 'hex',
    'raw-base64': 'base64',
  };
  return [key === 'spki' ? 'public key in PEM or DER' : `key in ${words[key]}`];
}

function tokenWords({ at, form, prefix = '' }: TokenScheme): string {
  if (form === 'basic') return `user and password in ${nameOf(at)}`;
  return `the secret itself in ${nameOf(at)}${prefix === '' ? '' : ` after ${prefix.trim()}`}`;
}

function fieldWords(field: IdField | ConditionalField): string {
  if (typeof field === 'string') return placeWords(field);
  if ('when' in field) {
    const conditions = Object.entries(field.when) as [Location, readonly string[]][];
    const words = conditions.map(
      ([place, values]) =>
        `${placeWords(place)} is ${values.map((value) => (value === '' ? 'missing' : value)).join(' or ')}`,
    );
    return `${fieldWords(field.take)} where ${words.join(' and ')}`;
  }
  return 'first' in field
    ? field.first.map(fieldWords).join(', else ')
    : field.all.map(fieldWords).join(' with ');
}

function placeWords(place: Location): string {
  const colon = place.indexOf(':');
  const [source, rest] = [place.slice(0, colon), place.slice(colon + 1)];
  if (source === 'const') return `always ${rest}`;
  return source === 'header' ? `header ${rest}` : `${rest} in the ${source}`;
}

function retryWords({ retries, timeoutSeconds, spanSeconds, note }: RetryBehaviour): string {
  return [
    retries ? 'retries' : 'never retries',
    ...(spanSeconds === undefined ? [] : [`for ${spanWords(spanSeconds)}`]),
    ...(timeoutSeconds === undefined ? [] : [`waits ${timeoutSeconds} s`]),
    ...(note === undefined ? [] : [note]),
  ].join(', ');
}

function spanWords(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
  ] as const;
  const [unit, size] = units.find(([, each]) => seconds >= each && seconds % each === 0) ?? ['s', 1];
  return `${seconds / size} ${unit}`;
}
