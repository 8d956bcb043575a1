// What a secret decides about its scheme: an Ed25519 key of Standard Webhooks has signatures of its own.
import { KeyError } from './keys.ts';
import type { SignatureScheme } from './provider.ts';

const prefixes = {
  verify: {
    right: 'whpk_',
    wrong: 'whsk_',
    fix: 'verify with the public key (whpk_): this one stays with the sender',
  },
  sign: {
    right: 'whsk_',
    wrong: 'whpk_',
    fix: 'sign with the private key (whsk_): this one can only verify',
  },
} as const;

/** The scheme as it is for this secret. Throws `KeyError` for the other half of the key pair. */
export function forSecret(
  scheme: SignatureScheme,
  secret: string,
  use: keyof typeof prefixes,
): SignatureScheme {
  const { ed25519, signature } = scheme;
  if (ed25519 === undefined || typeof secret !== 'string') return scheme;
  const { right, wrong, fix } = prefixes[use];
  if (secret.startsWith(wrong)) throw new KeyError(fix);
  if (!secret.startsWith(right)) return scheme;
  const { separator = '=' } = signature.pairs ?? {};
  return {
    ...scheme,
    algorithm: 'ed25519',
    key: { base64After: right },
    signature: { ...signature, pairs: { separator, take: ed25519.take } },
  };
}
