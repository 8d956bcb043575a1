// Secrets as Standard Webhooks writes them: `whsec_` (HMAC), `whsk_` and `whpk_` (Ed25519 private and public key).
// A parsed secret holds imported keys that cannot be exported, so logging one shows nothing.
import { rememberHmac } from './hashing.ts';
import { decodeBase64, encodeBase64, padBase64 } from './base64.ts';

export type SecretErrorCode =
  | 'missing'
  | 'too-many'
  | 'not-base64'
  | 'wrong-length'
  | 'wrong-kind'
  | 'key-mismatch'
  | 'unusable-key'
  | 'unsupported-runtime';

/** A secret that cannot be used. `code` is stable; the message names the fix and never holds the secret. */
export class SecretError extends Error {
  readonly code: SecretErrorCode;
  constructor(code: SecretErrorCode, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = 'SecretError';
    this.code = code;
  }
}

// The global name `CryptoKey` is missing from some runtimes' type definitions; the value's type is not.
type SecretKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** `publicKey` is the `whpk_` text that belongs to the private key. */
export type ParsedSecret =
  | { readonly kind: 'hmac'; readonly key: SecretKey }
  | { readonly kind: 'ed25519-private'; readonly key: SecretKey; readonly publicKey: string }
  | { readonly kind: 'ed25519-public'; readonly key: SecretKey };

export type SecretKind = ParsedSecret['kind'];
export type SecretInput = string | ParsedSecret;

/** Fills the secret: called with a length in bytes, returns that many random bytes. */
export type RandomBytes = (lengthBytes: number) => Uint8Array;

type Bytes = Uint8Array<ArrayBuffer>;

const prefixOf = { hmac: 'whsec_', 'ed25519-private': 'whsk_', 'ed25519-public': 'whpk_' } as const;
const hmacMinBytes = 24;
const hmacMaxBytes = 64;
const hmacNewBytes = 32;
const seedBytes = 32;
const publicKeyBytes = 32;
const secretMaxChars = 256;
const secretsMax = 8;
// RFC 8410 section 7: what stands before the 32-byte seed in a PKCS #8 Ed25519 key.
const pkcs8Header = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

type KeyRecipe = {
  readonly format: 'raw' | 'pkcs8';
  readonly algorithm: { readonly name: string; readonly hash?: string };
  readonly usages: readonly ('sign' | 'verify')[];
};
const hmacKey: KeyRecipe = {
  format: 'raw',
  algorithm: { name: 'HMAC', hash: 'SHA-256' },
  usages: ['sign', 'verify'],
};
const ed25519PublicKey: KeyRecipe = { format: 'raw', algorithm: { name: 'Ed25519' }, usages: ['verify'] };
const ed25519PrivateKey: KeyRecipe = { format: 'pkcs8', algorithm: { name: 'Ed25519' }, usages: ['sign'] };

/**
 * Reads one secret and imports its keys. `whsec_` may be left off; base64 padding too.
 * A `whsk_` is a 64-byte seed and public key, which must belong together, or a 32-byte seed.
 * Rejects with `SecretError`.
 */
export async function parseSecret(text: string): Promise<ParsedSecret> {
  const { kind, bytes } = decodeSecret(text);
  if (kind === 'hmac') {
    const key = await importKey(hmacKey, bytes);
    rememberHmac(key, 'SHA-256', bytes);
    return { kind, key };
  }
  if (kind === 'ed25519-public') return { kind, key: await importKey(ed25519PublicKey, bytes) };
  return parsePrivateKey(bytes);
}

/** Parses a list of 1 to 8 secrets, all of the `allowed` kinds; the order is kept. Rejects with `SecretError`. */
export async function parseSecrets(
  secrets: SecretInput | readonly SecretInput[],
  allowed: readonly SecretKind[],
): Promise<readonly ParsedSecret[]> {
  const list = Array.isArray(secrets) ? (secrets as readonly SecretInput[]) : [secrets as SecretInput];
  if (list.length === 0) throw new SecretError('missing', 'no secret is configured: pass at least one');
  if (list.length > secretsMax) {
    throw new SecretError('too-many', `at most ${secretsMax} secrets are used at once: drop expired ones`);
  }
  const parsed = await Promise.all(
    list.map((secret) => (isParsed(secret) ? Promise.resolve(secret) : parseSecret(secret))),
  );
  for (const { kind } of parsed) {
    if (!allowed.includes(kind)) throw new SecretError('wrong-kind', wrongKindFix[kind]);
  }
  return parsed;
}

/** A new `whsec_` secret of 32 random bytes. */
export function generateHmacSecret(randomBytes: RandomBytes = secureRandomBytes): string {
  return prefixOf.hmac + encodeBase64(drawBytes(randomBytes, hmacNewBytes));
}

/** A new `whsk_` private key (64 bytes: seed, then public key). Give receivers `publicKeyOf` it. */
export async function generateEd25519Secret(randomBytes: RandomBytes = secureRandomBytes): Promise<string> {
  const seed = drawBytes(randomBytes, seedBytes);
  const publicKey = await derivePublicKey(seed);
  return prefixOf['ed25519-private'] + encodeBase64(Uint8Array.of(...seed, ...publicKey));
}

/** The `whpk_` public key of a `whsk_` private key. Rejects with `SecretError`. */
export async function publicKeyOf(privateKey: string): Promise<string> {
  const parsed = await parseSecret(privateKey);
  if (parsed.kind === 'ed25519-private') return parsed.publicKey;
  throw new SecretError('wrong-kind', 'only an Ed25519 private key (whsk_) has a public key: pass that one');
}

const wrongKindFix: Record<SecretKind, string> = {
  hmac: 'an HMAC secret (whsec_) cannot be used here',
  'ed25519-private': 'a private key (whsk_) stays with the sender: verify with its public key (whpk_)',
  'ed25519-public': 'a public key (whpk_) cannot sign: sign with its private key (whsk_)',
};

function decodeSecret(text: string): { kind: SecretKind; bytes: Bytes } {
  if (typeof text !== 'string' || text === '') {
    throw new SecretError('missing', 'the secret is empty: set it to a whsec_, whsk_ or whpk_ value');
  }
  const kind = kindOf(text);
  const encoded = text.startsWith(prefixOf[kind]) ? text.slice(prefixOf[kind].length) : text;
  if (encoded === '') {
    throw new SecretError('missing', `nothing follows ${prefixOf[kind]}: copy the whole secret`);
  }
  const bytes = encoded.length <= secretMaxChars ? decodeBase64(padBase64(encoded)) : undefined;
  if (bytes === undefined) {
    throw new SecretError(
      'not-base64',
      'the secret must be whsec_, whsk_ or whpk_ followed by standard base64, without spaces: copy it again',
    );
  }
  checkLength(kind, bytes.length);
  return { kind, bytes };
}

function kindOf(text: string): SecretKind {
  if (text.startsWith(prefixOf['ed25519-private'])) return 'ed25519-private';
  if (text.startsWith(prefixOf['ed25519-public'])) return 'ed25519-public';
  return 'hmac';
}

function checkLength(kind: SecretKind, lengthBytes: number): void {
  const wrong = (wanted: string) =>
    new SecretError('wrong-length', `${wanted}, and this one decodes to ${lengthBytes}: copy it again`);
  if (kind === 'hmac' && (lengthBytes < hmacMinBytes || lengthBytes > hmacMaxBytes)) {
    throw wrong(`an HMAC secret (whsec_) has ${hmacMinBytes} to ${hmacMaxBytes} bytes`);
  }
  if (kind === 'ed25519-public' && lengthBytes !== publicKeyBytes) {
    throw wrong(`an Ed25519 public key (whpk_) has ${publicKeyBytes} bytes`);
  }
  if (kind === 'ed25519-private' && lengthBytes !== seedBytes + publicKeyBytes && lengthBytes !== seedBytes) {
    throw wrong(`an Ed25519 private key (whsk_) has ${seedBytes + publicKeyBytes} bytes, or ${seedBytes}`);
  }
}

async function parsePrivateKey(bytes: Bytes): Promise<ParsedSecret> {
  const seed = bytes.slice(0, seedBytes);
  const publicKey = await derivePublicKey(seed);
  const stated = bytes.slice(seedBytes);
  if (stated.length > 0 && encodeBase64(stated) !== encodeBase64(publicKey)) {
    throw new SecretError(
      'key-mismatch',
      'the two halves of this private key (whsk_) do not belong together: copy it again or generate a new one',
    );
  }
  return {
    kind: 'ed25519-private',
    key: await importKey(ed25519PrivateKey, pkcs8Of(seed)),
    publicKey: prefixOf['ed25519-public'] + encodeBase64(publicKey),
  };
}

// Web Crypto has no "public key of"; the JWK form of a private key holds it as `x`.
async function derivePublicKey(seed: Bytes): Promise<Bytes> {
  const key = await importKey(ed25519PrivateKey, pkcs8Of(seed), true);
  const { x = '' } = await crypto.subtle.exportKey('jwk', key);
  const bytes = decodeBase64(padBase64(x.replaceAll('-', '+').replaceAll('_', '/')));
  if (bytes?.length === publicKeyBytes) return bytes;
  throw new SecretError('unsupported-runtime', 'this runtime gives no public key for an Ed25519 private key');
}

function pkcs8Of(seed: Bytes): Bytes {
  return Uint8Array.of(...pkcs8Header, ...seed);
}

async function importKey(recipe: KeyRecipe, bytes: Bytes, extractable = false): Promise<SecretKey> {
  if (globalThis.crypto?.subtle === undefined) {
    throw new SecretError(
      'unsupported-runtime',
      'Web Crypto is missing here: browsers offer it on HTTPS only',
    );
  }
  const { format, algorithm, usages } = recipe;
  try {
    return await crypto.subtle.importKey(format, bytes, algorithm, extractable, [...usages]);
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'NotSupportedError') {
      const message = `this runtime's Web Crypto has no ${algorithm.name}: use another kind of secret`;
      throw new SecretError('unsupported-runtime', message, { cause });
    }
    const message = `Web Crypto refuses this ${algorithm.name} key: copy it again or generate a new one`;
    throw new SecretError('unusable-key', message, { cause });
  }
}

function isParsed(secret: SecretInput): secret is ParsedSecret {
  return typeof secret === 'object' && secret !== null && 'kind' in secret && 'key' in secret;
}

function drawBytes(randomBytes: RandomBytes, lengthBytes: number): Bytes {
  const bytes = Uint8Array.from(randomBytes(lengthBytes));
  if (bytes.length === lengthBytes) return bytes;
  throw new RangeError(`randomBytes returned ${bytes.length} bytes where ${lengthBytes} were asked for`);
}

function secureRandomBytes(lengthBytes: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(lengthBytes));
}
