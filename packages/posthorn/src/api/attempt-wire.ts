// Attempts and the standing of deliveries as they look on the wire.
import { isUtf8 } from 'node:buffer';
import { expungedResponse } from '../store/attempts.ts';
import type { AttemptFilter, AttemptRow, DeliveryStatusRow } from '../store/attempts.ts';
import type { MessageRow } from '../store/messages.ts';
import type { DeliveryState } from '../store/tables.ts';
import { wireMessage } from './message-wire.ts';

// The reference's numbers for its words.
const statusNumbers = { success: 0, pending: 1, fail: 2, sending: 3, canceled: 4 } as const;
export const statusNumberMax = 4;
const statusClassWidth = 100;
type StatusText = keyof typeof statusNumbers;

// 'sending' lasts from the first attempt to the last: the time between two attempts belongs to it.
const statusOfState: Record<DeliveryState, StatusText> = {
  pending: 'pending',
  delivering: 'sending',
  retrying: 'sending',
  succeeded: 'success',
  exhausted: 'fail',
  cancelled: 'canceled',
};

const triggerNumbers = { scheduled: 0, manual: 1 } as const;
// Bytes of one UTF-8 character that can stand before a cut through it.
const cutCharacterMaxBytes = 3;

/** The delivery states that a status number of the reference stands for. */
export function statesOfStatus(status: number): DeliveryState[] {
  const states = Object.keys(statusOfState) as DeliveryState[];
  return states.filter((state) => statusNumbers[statusOfState[state]] === status);
}

/**
 * The delivery states that are shown as this status: `expanded: false` shows what was cancelled as a success. Whoever
 * asks for what was cancelled gets it either way.
 */
export function statesShownAs(status: number, expanded: boolean): DeliveryState[] {
  const states = statesOfStatus(status);
  return !expanded && status === statusNumbers.success ? [...states, 'cancelled'] : states;
}

/** The reference's word for where a delivery stands. */
export function statusTextOf(state: DeliveryState): StatusText {
  return statusOfState[state];
}

/** The response statuses of a class: 200 for 200 to 299, 0 for no response at all. */
export function responseStatusOf(statusClass: number): AttemptFilter['responseStatus'] {
  if (statusClass === 0) return 'none';
  return { from: statusClass, to: statusClass + statusClassWidth - 1 };
}

/**
 * Where a delivery stands. `expanded: false` is for clients that know no 'canceled': by the reference's rule they are
 * told 'success'. `cancelReason` and `cancelDetail`, Posthorn's own, say why there is nothing to come.
 */
export function wireDeliveryStatus(row: DeliveryStatusRow, expanded: boolean) {
  const { state, next_attempt_at } = row;
  const isCancelled = state === 'cancelled';
  const named = statusOfState[state];
  const statusText = named === 'canceled' && !expanded ? 'success' : named;
  return {
    status: statusNumbers[statusText],
    statusText,
    nextAttempt: next_attempt_at?.toISOString() ?? null,
    cancelReason: isCancelled ? row.cancel_reason : null,
    cancelDetail: isCancelled ? row.cancel_detail : null,
  };
}

function textOf(body: Buffer, truncated: boolean): string {
  for (let cut = 0; cut <= (truncated ? cutCharacterMaxBytes : 0); cut += 1) {
    const bytes = body.subarray(0, Math.max(body.length - cut, 0));
    if (isUtf8(bytes)) return bytes.toString('utf8');
  }
  return body.toString('base64');
}

function responseOf(row: AttemptRow): string {
  // Undefined: the content was not asked for.
  if (row.response_body === undefined) return '';
  const body = row.response_body ?? Buffer.alloc(0);
  const expunged = body.equals(Buffer.from(expungedResponse));
  if (row.outcome === 'unreachable' && !expunged) return row.detail ?? '';
  return textOf(body, row.response_truncated);
}

/**
 * One attempt. `response` is the body of the answer as text (base64 when it is not UTF-8), or why there was none.
 * `outcome`, `reason`, `detail`, `responseHeaders` and `responseTruncated` are Posthorn's own.
 */
export function wireAttempt(row: AttemptRow, message?: MessageRow) {
  const statusText: StatusText = row.outcome === 'accepted' ? 'success' : 'fail';
  return {
    id: row.id,
    msgId: row.message_id,
    endpointId: row.endpoint_id,
    url: row.url,
    response: responseOf(row),
    responseStatusCode: row.response_status ?? 0,
    responseDurationMs: row.duration_ms,
    responseHeaders: row.response_headers ?? null,
    responseTruncated: row.response_truncated,
    status: statusNumbers[statusText],
    statusText,
    outcome: row.outcome,
    reason: row.reason,
    detail: row.detail,
    triggerType: triggerNumbers[row.trigger],
    timestamp: row.started_at.toISOString(),
    ...(message === undefined ? {} : { msg: { ...wireMessage(message), payload: {} } }),
  };
}
