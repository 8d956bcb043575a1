// Why a delivery is given up before, or instead of, an attempt.

/**
 * `filter`: the endpoint's filter said no. `filter_error`: it could not be evaluated. `transformation`: the endpoint's
 * transformation cancelled it. `outdated`: something newer was delivered for its key. `endpoint_disabled`, `endpoint_deleted`, `content_gone`: found so when it came up.
 */
export type CancelReason =
  | 'filter'
  | 'filter_error'
  | 'transformation'
  | 'outdated'
  | 'endpoint_disabled'
  | 'endpoint_deleted'
  | 'content_gone';

/** `detail`: one sentence for people. */
export interface Cancellation {
  reason: CancelReason;
  detail: string;
}
