// Signing: from an id, a time and the exact bytes to the three headers of Standard Webhooks.
import { encodeBase64 } from './base64.ts';
import { hmacOf } from './hashing.ts';
import { parseSecrets } from './secret.ts';
import type { ParsedSecret, SecretInput } from './secret.ts';
import { bodyBytes, signedContent } from './signed-content.ts';

export type HeaderPrefix = 'webhook-' | 'svix-';
export type SignatureHeaders<Prefix extends HeaderPrefix = 'webhook-'> = Record<
  `${Prefix}${'id' | 'timestamp' | 'signature'}`,
  string
>;

export type SignerOptions<Prefix extends HeaderPrefix = 'webhook-'> = {
  /** Names of the headers: `webhook-` (default) or `svix-`. */
  readonly headerPrefix?: Prefix;
};

/** What is signed as a string is its UTF-8 bytes: send those. */
export type SignableBody = Uint8Array | ArrayBuffer | string;

/** Holds imported keys: make one per list of secrets and keep it. */
export type Signer<Prefix extends HeaderPrefix = 'webhook-'> = {
  /** `timestamp` is the attempt's Unix time in whole seconds. Rejects with `TypeError` on a bad argument. */
  sign(id: string, timestamp: number, body: SignableBody): Promise<SignatureHeaders<Prefix>>;
};

export type SignInput<Prefix extends HeaderPrefix = 'webhook-'> = SignerOptions<Prefix> & {
  readonly id: string;
  readonly timestamp: number;
  readonly body: SignableBody;
  /** One signature per secret, in this order: put the newest first while rotating. */
  readonly secrets: SecretInput | readonly SecretInput[];
};

// No full stop: it parts id, timestamp and body in the signed bytes.
const signableId = /^[A-Za-z0-9_-]{1,64}$/;
// Year 5138 in seconds; the present in milliseconds is above it.
const timestampMaxSeconds = 99_999_999_999;

/** Signs one message. Rejects with `SecretError` for the secrets, `TypeError` for any other argument. */
export async function sign<Prefix extends HeaderPrefix = 'webhook-'>(
  input: SignInput<Prefix>,
): Promise<SignatureHeaders<Prefix>> {
  const signer = await createSigner(input.secrets, input);
  return signer.sign(input.id, input.timestamp, input.body);
}

/** Imports the keys once, for many messages. Takes `whsec_` and `whsk_`; rejects with `SecretError`. */
export async function createSigner<Prefix extends HeaderPrefix = 'webhook-'>(
  secrets: SecretInput | readonly SecretInput[],
  options: SignerOptions<Prefix> = {},
): Promise<Signer<Prefix>> {
  const prefix = checkedPrefix(options.headerPrefix);
  const parsed = await parseSecrets(secrets, ['hmac', 'ed25519-private']);
  return {
    async sign(id, timestamp, body) {
      const content = signedContent(checkedId(id), checkedTimestamp(timestamp), checkedBody(body));
      const signatures = await Promise.all(parsed.map((secret) => signatureOf(secret, content)));
      return {
        [`${prefix}id`]: id,
        [`${prefix}timestamp`]: String(timestamp),
        [`${prefix}signature`]: signatures.join(' '),
      } as SignatureHeaders<Prefix>;
    },
  };
}

async function signatureOf(secret: ParsedSecret, content: Uint8Array<ArrayBuffer>): Promise<string> {
  if (secret.kind === 'hmac') return `v1,${encodeBase64(await hmacOf(secret.key, content))}`;
  const bytes = await crypto.subtle.sign('Ed25519', secret.key, content);
  return `v1a,${encodeBase64(new Uint8Array(bytes))}`;
}

function checkedPrefix(prefix: HeaderPrefix = 'webhook-'): HeaderPrefix {
  if (prefix === 'webhook-' || prefix === 'svix-') return prefix;
  throw new TypeError("headerPrefix must be 'webhook-' or 'svix-'");
}

function checkedId(id: string): string {
  if (typeof id === 'string' && signableId.test(id)) return id;
  throw new TypeError('id must be 1 to 64 of the characters A-Z a-z 0-9 _ -');
}

function checkedTimestamp(timestamp: number): number {
  if (Number.isInteger(timestamp) && timestamp >= 0 && timestamp <= timestampMaxSeconds) return timestamp;
  throw new TypeError('timestamp must be Unix time in whole seconds, not milliseconds');
}

function checkedBody(body: SignableBody): Uint8Array {
  const bytes = bodyBytes(body);
  if (bytes !== undefined) return bytes;
  throw new TypeError(
    'body must be a Uint8Array, an ArrayBuffer or a well-formed string: the bytes that are sent',
  );
}
