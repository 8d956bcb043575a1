// What @posthorn/webhooks exports: sign, verify, and the secrets for both.
export { createSigner, sign } from './sign.ts';
export type {
  HeaderPrefix,
  SignableBody,
  SignatureHeaders,
  Signer,
  SignerOptions,
  SignInput,
} from './sign.ts';
export { createVerifier, verify, verifyOrThrow } from './verify.ts';
export type { Verifier, VerifierOptions, VerifyInput, WebhookRequest } from './verify.ts';
export { WebhookVerificationError } from './verdict.ts';
export type { Refusal, RefusalReason, Verdict, VerifiedWebhook } from './verdict.ts';
export type { RequestHeaders } from './signature-headers.ts';
export {
  generateEd25519Secret,
  generateHmacSecret,
  parseSecret,
  publicKeyOf,
  SecretError,
} from './secret.ts';
export type { ParsedSecret, RandomBytes, SecretErrorCode, SecretInput, SecretKind } from './secret.ts';
