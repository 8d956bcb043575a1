// Why a request was refused, and with which status. The caller sees the status alone; the reason is the operator's.
import type { RefusalReason } from '../verdict.ts';

export type RejectionReason =
  | RefusalReason
  | 'unknown-source'
  | 'wrong-method'
  | 'unreadable-body'
  | 'secret-known'
  | 'invalid-payload';

/** `detail` is one sentence for the operator's log; it holds no secret. */
export type Rejection = { readonly ok: false; readonly reason: RejectionReason; readonly detail: string };

// What is not here is 401: who cannot show a signature is a stranger.
const statuses: Readonly<Record<string, number>> = {
  'malformed-header': 400,
  'unreadable-body': 400,
  'unknown-source': 404,
  'wrong-method': 405,
  'too-large': 413,
  'invalid-payload': 422,
  // Ours to mend: the provider is asked to come again.
  misconfigured: 500,
  'missing-context': 500,
  'body-parsed': 500,
  'key-unavailable': 503,
};

export function reject(reason: RejectionReason, detail: string): Rejection {
  return { ok: false, reason, detail };
}

/** `refusedStatus` is what the provider insists on for a signature that does not hold. */
export function statusOf({ reason }: Rejection, refusedStatus?: number): number {
  const status = statuses[reason] ?? 401;
  const isForgery = status === 401 || reason === 'malformed-header';
  return isForgery ? (refusedStatus ?? status) : status;
}
