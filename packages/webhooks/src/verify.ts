// Verifying: settings -> headers -> body -> signature -> age. The first step that fails is the verdict.
// The age is judged last, so `stale` and `future` are only said of a request that is authentic.
import { hmacOf } from './hashing.ts';
import { sameBytes } from './same-bytes.ts';
import { parseSecrets, SecretError } from './secret.ts';
import type { ParsedSecret, SecretInput } from './secret.ts';
import { readSignedHead } from './signature-headers.ts';
import type { RequestHeaders, Signature } from './signature-headers.ts';
import { bodyBytes, signedContent } from './signed-content.ts';
import { refuse, WebhookVerificationError } from './verdict.ts';
import type { Refusal, Verdict, VerifiedWebhook } from './verdict.ts';

export type VerifierOptions = {
  /** Largest difference to the clock, both ways, in seconds (default 300). `'any-age'` turns the check off. */
  readonly toleranceSeconds?: number | 'any-age';
  /** The clock: milliseconds since 1970 (default `Date.now`). */
  readonly now?: () => number;
  /** Largest body in bytes (default 25 MiB, the largest that a known provider sends). */
  readonly bodyMaxBytes?: number;
  /** Accepts ids with a full stop, for senders that use them: `("a", "1.b")` then reads like `("a.1", "b")`. */
  readonly allowDottedId?: boolean;
};

export type WebhookRequest = {
  readonly headers: RequestHeaders;
  /** The body as received: bytes, or text that was decoded from UTF-8. Never a parsed object. */
  readonly body: Uint8Array | ArrayBuffer | string;
};

export type Verifier = { verify(request: WebhookRequest): Promise<Verdict> };

export type VerifyInput = WebhookRequest &
  VerifierOptions & {
    /** `whsec_` or `whpk_`; while the sender rotates, the old and the new one. */
    readonly secrets: SecretInput | readonly SecretInput[];
  };

type Settings = Required<VerifierOptions>;
type Bytes = Uint8Array<ArrayBuffer>;
type Keys = readonly ParsedSecret[];

const toleranceDefaultSeconds = 300;
const bodyMaxDefaultBytes = 25 * 1024 * 1024;

/** Verifies one request. Never rejects for what a caller or a sender did: that is in the verdict. */
export async function verify(input: VerifyInput): Promise<Verdict> {
  return createVerifier(input.secrets, input).verify(input);
}

/** Resolves with the verified request, or rejects with `WebhookVerificationError`. */
export async function verifyOrThrow(input: VerifyInput): Promise<VerifiedWebhook> {
  const verdict = await verify(input);
  if (!verdict.ok) throw new WebhookVerificationError(verdict);
  return { id: verdict.id, timestamp: verdict.timestamp, secretIndex: verdict.secretIndex };
}

/** Imports the keys once, at the first request. Wrong secrets or options make every verdict `misconfigured`. */
export function createVerifier(
  secrets: SecretInput | readonly SecretInput[],
  options: VerifierOptions = {},
): Verifier {
  const settings = settingsOf(options);
  const wrongSetting = checkSettings(settings);
  let imported: Promise<Keys | Refusal> | undefined;
  return {
    async verify(request) {
      if (wrongSetting !== undefined) return wrongSetting;
      imported ??= importKeys(secrets);
      const keys = await imported;
      return 'ok' in keys ? keys : judge(request, keys, settings);
    },
  };
}

async function judge(request: WebhookRequest, keys: Keys, settings: Settings): Promise<Verdict> {
  const head = readSignedHead(request.headers, settings.allowDottedId);
  if (!head.ok) return head;
  const body = readBody(request.body, settings.bodyMaxBytes);
  if ('ok' in body) return body;

  const content = signedContent(head.id, head.timestamp, body);
  const secretIndex = await findSecret(keys, head.signatures, content);
  if (secretIndex === undefined)
    return refuse('mismatch', 'no signature matches these bytes with any secret');

  const nowSeconds = Math.floor(settings.now() / 1000);
  const tooOldOrNew = judgeAge(nowSeconds - head.timestamp, settings.toleranceSeconds);
  return tooOldOrNew ?? { ok: true, id: head.id, timestamp: head.timestamp, secretIndex };
}

function readBody(body: unknown, bodyMaxBytes: number): Uint8Array | Refusal {
  // A text has at least as many bytes as characters: a huge one need not be encoded to know.
  if (typeof body === 'string' && body.length > bodyMaxBytes) return tooLarge(bodyMaxBytes);
  const bytes = bodyBytes(body);
  if (bytes === undefined) {
    return refuse('body-parsed', 'the body is not what was received: pass the raw bytes, before any parser');
  }
  return bytes.length > bodyMaxBytes ? tooLarge(bodyMaxBytes) : bytes;
}

function tooLarge(bodyMaxBytes: number): Refusal {
  return refuse('too-large', `the body is larger than ${bodyMaxBytes} bytes`);
}

async function findSecret(
  keys: Keys,
  signatures: readonly Signature[],
  content: Bytes,
): Promise<number | undefined> {
  for (const [index, key] of keys.entries()) {
    const wanted = key.kind === 'hmac' ? 'v1' : 'v1a';
    const given = signatures.filter(({ version }) => version === wanted).map(({ bytes }) => bytes);
    if (given.length > 0 && (await matchesAny(key, given, content))) return index;
  }
  return undefined;
}

async function matchesAny(
  { kind, key }: ParsedSecret,
  given: readonly Bytes[],
  content: Bytes,
): Promise<boolean> {
  if (kind === 'hmac') {
    const expected = await hmacOf(key, content);
    return given.some((bytes) => sameBytes(bytes, expected));
  }
  for (const bytes of given) {
    if (await crypto.subtle.verify('Ed25519', key, bytes, content)) return true;
  }
  return false;
}

function judgeAge(ageSeconds: number, toleranceSeconds: number | 'any-age'): Refusal | undefined {
  if (toleranceSeconds === 'any-age') return undefined;
  if (!Number.isFinite(ageSeconds))
    return refuse('misconfigured', 'now() must return milliseconds since 1970');
  if (ageSeconds > toleranceSeconds) return refuse('stale', `the timestamp is ${ageSeconds} seconds old`);
  if (-ageSeconds > toleranceSeconds)
    return refuse('future', `the timestamp is ${-ageSeconds} seconds ahead`);
  return undefined;
}

async function importKeys(secrets: SecretInput | readonly SecretInput[]): Promise<Keys | Refusal> {
  try {
    return await parseSecrets(secrets, ['hmac', 'ed25519-public']);
  } catch (error) {
    if (error instanceof SecretError) return refuse('misconfigured', error.message);
    throw error;
  }
}

function settingsOf(options: VerifierOptions): Settings {
  return {
    toleranceSeconds: options.toleranceSeconds ?? toleranceDefaultSeconds,
    now: options.now ?? Date.now,
    bodyMaxBytes: options.bodyMaxBytes ?? bodyMaxDefaultBytes,
    allowDottedId: options.allowDottedId ?? false,
  };
}

function checkSettings({ toleranceSeconds, bodyMaxBytes }: Settings): Refusal | undefined {
  if (toleranceSeconds !== 'any-age' && !(Number.isFinite(toleranceSeconds) && toleranceSeconds >= 0)) {
    return refuse('misconfigured', "toleranceSeconds must be a number of seconds from 0, or 'any-age'");
  }
  if (!Number.isSafeInteger(bodyMaxBytes) || bodyMaxBytes < 0) {
    return refuse('misconfigured', 'bodyMaxBytes must be a whole number of bytes');
  }
  return undefined;
}
