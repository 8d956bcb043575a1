// Holds the events of a request against the schemas of their event types, where the source asks for that.
import { detailOf, schemaReason, unverifiedReason } from '../core/inbound-names.ts';
import type { InboundMessage, InboundRequest } from '../core/inbound.ts';
import type { SourceValidation } from '../store/source-tables.ts';
import type { Refusal } from './judge.ts';

/** What is wrong with an event by the schema of its event type; undefined when it fits, or there is no such schema. */
export type JudgeEvent = (
  environmentId: string,
  event: { eventType: string; payload: Uint8Array },
) => Promise<string | undefined>;

/** The request with those of its events that may go on, or why it is refused. Rejects when nothing can be judged now. */
export async function validated(
  request: InboundRequest,
  validation: SourceValidation,
  judgeEvent: JudgeEvent,
): Promise<InboundRequest | { refusal: Refusal }> {
  if (validation === 'none') return request;
  const { environmentId, messages } = request;
  const fitting: InboundMessage[] = [];
  let firstProblem: string | undefined;
  for (const message of messages) {
    const problem = await judgeEvent(environmentId, message);
    if (problem === undefined) fitting.push(message);
    else firstProblem ??= `${message.eventType}: ${problem}`;
  }
  if (firstProblem === undefined) return request;
  const count =
    messages.length === 1 ? '' : `${messages.length - fitting.length} of ${messages.length} events: `;
  const why = { reason: schemaReason, detail: detailOf(count + firstProblem) };
  if (validation === 'reject') return { refusal: why };
  // One that is wrong does not hold up the others of its batch.
  if (fitting.length > 0) return { ...request, ...why, messages: fitting };
  const reason = request.verdict === 'unverified' ? unverifiedReason : why.reason;
  return { ...request, ...why, reason, verdict: 'parked', messages: [] };
}
