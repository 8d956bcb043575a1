// What a verification says. A refusal is a value: only the caller knows what to answer.

export type RefusalReason =
  | 'missing-header'
  | 'malformed-header'
  | 'mismatch'
  | 'stale'
  | 'future'
  | 'unknown-key'
  | 'key-unavailable'
  | 'missing-context'
  | 'misconfigured'
  | 'too-large'
  | 'body-parsed';

/** `timestamp` in Unix seconds; `secretIndex` is the place in the caller's list of the secret that matched. */
export type VerifiedWebhook = {
  readonly id: string;
  readonly timestamp: number;
  readonly secretIndex: number;
};

/** `detail` is one sentence for the operator's log. It holds no secret and no expected signature. */
export type Refusal = { readonly ok: false; readonly reason: RefusalReason; readonly detail: string };

export type Verdict = ({ readonly ok: true } & VerifiedWebhook) | Refusal;

export function refuse(reason: RefusalReason, detail: string): Refusal {
  return { ok: false, reason, detail };
}

/** Thrown by `verifyOrThrow`; the message is the refusal's detail. */
export class WebhookVerificationError extends Error {
  readonly reason: RefusalReason;
  constructor(refusal: Refusal) {
    super(refusal.detail);
    this.name = 'WebhookVerificationError';
    this.reason = refusal.reason;
  }
}
