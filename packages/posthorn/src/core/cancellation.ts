// Why a delivery is given up before, or instead of, an attempt.

/**
 * `filter`: the endpoint's filter said no. `filter_error`: it could not be evaluated. `transformation`: the endpoint's
 * transformation cancelled it. `outdated`: something newer was delivered for its key. `endpoint_disabled`,
 * `endpoint_deleted`: found so when it came up. `content_gone`: so, too, or deleted while it waited.
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

/** Of `content_gone`. */
export const contentGone = 'The content of the message was deleted, or has expired.';
