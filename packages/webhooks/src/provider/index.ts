// What @posthorn/webhooks/provider exports: verifying, signing and reading the requests of any provider's row.
export { createProviderVerifier, verifyRequest } from './verify-request.ts';
export type { ProviderVerdict } from './provider-verdict.ts';
export type { ProviderVerifier, ProviderVerifierOptions } from './verify-request.ts';
export { signRequest } from './sign-request.ts';
export type { SignRequestInput } from './sign-request.ts';
export { answerHandshake } from './answer-handshake.ts';
export { readEvents } from './read-events.ts';
export type { ProviderEvent } from './read-events.ts';
export type { ReceivedRequest } from './request.ts';
export type {
  EventFields,
  FetchText,
  Handshake,
  HandshakeAnswer,
  HandshakeSource,
  Provider,
  RequestDraft,
  RetryBehaviour,
  Scheme,
} from './provider.ts';
export { diagnoseRefusal } from './diagnose.ts';
export type { DiagnoseOptions, Diagnosis } from './diagnose.ts';
export type { DiagnosisCause } from './diagnosis/causes.ts';
export { describeProvider } from './describe-provider.ts';
export type { ProviderDescription } from './describe-provider.ts';
