// The secrets as they may have been meant: without what was copied along, and in every encoding.
import { encodeBase64, padBase64 } from '../../base64.ts';
import { decodeHex, decodeText, encodeText } from '../encoding.ts';
import { isHmac } from '../keys.ts';
import type { KeyForm, Provider, Scheme, SignatureScheme } from '../provider.ts';
import type { DiagnosisCause } from './causes.ts';

export type SecretVariant = {
  readonly cause: DiagnosisCause;
  readonly advice: string;
  readonly secrets: readonly string[];
  /** The row with another reading of its secret. */
  readonly provider?: Provider;
};

type Rewrite = (secret: string) => string | undefined;

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true });
const assignment = /^(?:export\s+)?[A-Z][A-Z0-9_]*=/;
const quotes = /^(["'`“”‘’])(.*)["'`“”‘’]$/s;
const leadingWords = /^(?:[A-Za-z]{2,12}[_-]){1,3}/;

/** The likeliest first. Those that change no secret are left out. */
export function* secretVariants(provider: Provider, secrets: readonly string[]): Generator<SecretVariant> {
  for (const variant of allVariants(provider, secrets)) {
    const isOther = variant.provider !== undefined || variant.secrets.some((each) => !secrets.includes(each));
    if (variant.secrets.length > 0 && isOther) yield variant;
  }
}

function* allVariants(provider: Provider, secrets: readonly string[]): Generator<SecretVariant> {
  const bare = secrets.map(withoutSurroundings);
  yield {
    cause: 'secret-surrounded',
    advice: `the ${provider.secret.name} has blanks, quotes or the name of a variable around it: store the secret alone`,
    secrets: bare,
  };
  for (const end of ['\n', ' ']) {
    yield {
      cause: 'secret-surrounded',
      advice: `the provider holds the secret with ${end === ' ' ? 'a blank' : 'a line end'} after it: enter it there again, without`,
      secrets: bare.map((secret) => secret + end),
    };
  }
  yield* prefixVariants(provider, bare);
  for (const scheme of provider.schemes.slice(0, 1)) yield* encodingVariants(provider, scheme, bare);
}

/** What is copied along with a secret: blanks, quotes, the name of its variable; line ends of a PEM text as `\n`. */
function withoutSurroundings(secret: string): string {
  const value = secret.trim().replace(assignment, '').trim();
  const inner = (quotes.exec(value)?.[2] ?? value).trim();
  return inner.includes('-----BEGIN') ? inner.replaceAll(String.raw`\n`, '\n') : inner;
}

function* prefixVariants(provider: Provider, secrets: readonly string[]): Generator<SecretVariant> {
  yield {
    cause: 'secret-prefix',
    advice: `the ${provider.secret.name} fits without the letters before its first underscore or hyphen: store it as the provider signs with it`,
    secrets: secrets.map(withoutPrefix),
  };
  yield {
    cause: 'secret-prefix',
    advice: `the prefix of the ${provider.secret.name} is missing: store it whole, as the provider shows it`,
    secrets: secrets.map((secret) => prefixOf(provider) + secret),
  };
}

function withoutPrefix(secret: string): string {
  return secret.replace(leadingWords, '');
}

/** As the row's name for the secret shows it: `endpoint secret (whsec_…)`. */
function prefixOf({ secret: { name } }: Provider): string {
  return /([A-Za-z]+[_-])…/.exec(name)?.[1] ?? 'whsec_';
}

function* encodingVariants(
  provider: Provider,
  scheme: Scheme,
  secrets: readonly string[],
): Generator<SecretVariant> {
  if (scheme.kind === 'unsigned') return;
  if (scheme.kind === 'signature' && scheme.algorithm !== 'sha256') {
    for (const form of formsInsteadOf(scheme)) {
      yield {
        cause: 'secret-encoding',
        advice: `the secret fits when it is read as ${wordsFor(form)}, and ${provider.title} signs with it as ${wordsFor(scheme.key)}: store the ${provider.secret.name} as the provider shows it`,
        secrets: secrets
          .map(withoutPrefix)
          .map((secret) => (form === 'base64' ? standardAlphabet(secret) : secret)),
        provider: { ...provider, schemes: [{ ...scheme, key: form }] },
      };
    }
  }
  for (const [words, rewrite] of rewrites) {
    yield {
      cause: 'secret-encoding',
      advice: `the secret was ${words} before it was stored: store the ${provider.secret.name} as the provider shows it`,
      secrets: secrets.map(rewrite).filter((secret) => secret !== undefined),
    };
  }
}

/** For rows that take the secret as a text: what a person did to the text before. */
const rewrites: readonly (readonly [string, Rewrite])[] = [
  ['encoded in base64', (secret) => asText(decodeText(padBase64(standardAlphabet(secret)), 'base64'))],
  ['encoded in hexadecimal', (secret) => asText(decodeHex(secret))],
  ['decoded from base64', (secret) => encodeBase64(encoder.encode(secret))],
  ['decoded from hexadecimal', (secret) => encodeText(encoder.encode(secret), 'hex')],
  ['changed from base64 to hexadecimal', (secret) => inBase64(decodeHex(secret))],
  ['changed from hexadecimal to base64', (secret) => inHex(decodeText(padBase64(secret), 'base64'))],
];

function formsInsteadOf({ algorithm, key }: SignatureScheme): readonly KeyForm[] {
  const forms: readonly KeyForm[] = isHmac(algorithm)
    ? ['text', 'base64', 'hex']
    : ['spki', 'raw-hex', 'raw-base64'];
  return forms.filter((form) => form !== key);
}

function wordsFor(form: KeyForm): string {
  if (typeof form === 'object') return `base64 after ${[form.base64After].flat().join(' or ')}`;
  const words: Record<Exclude<KeyForm, object>, string> = {
    text: 'text',
    'nfkd-text': 'text after NFKD',
    hex: 'hexadecimal',
    base64: 'base64',
    sha1: 'text that is hashed with SHA-1',
    'raw-hex': 'a public key in hexadecimal',
    'raw-base64': 'a public key in base64',
    spki: 'a public key in PEM or DER',
  };
  return words[form];
}

function standardAlphabet(text: string): string {
  return text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
}

function asText(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined || bytes.length === 0) return undefined;
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function inBase64(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined || bytes.length === 0 ? undefined : encodeBase64(bytes);
}

function inHex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined || bytes.length === 0 ? undefined : encodeText(bytes, 'hex');
}
