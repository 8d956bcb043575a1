// Whether a source takes a request in, and as what it is stored.
import type { ProviderVerdict } from '@posthorn/webhooks/provider';
import { detailOf } from '../core/inbound-names.ts';
import type { InboundMessage, InboundRequest, ReceivedFacts } from '../core/inbound.ts';
import { type Hidden, redact } from '../core/redaction.ts';
import type { OpenSource } from './open-source.ts';
import { readMessages } from './read-messages.ts';
import type { Received } from './received.ts';

type NotVerified = Extract<ProviderVerdict, { ok: false }>;

/** Why a request is not taken in: a stable word, and a sentence for the operator. */
export interface Refusal {
  reason: string;
  detail: string;
  /** The verdict that says so, where it is one. */
  verdict?: NotVerified;
}

/** A request that is taken in: verified, or in spite of the refusal by a source that only observes. */
export type Passed =
  | { ok: true; verdict: 'accepted'; secretId: string | undefined }
  | { ok: true; verdict: 'unverified'; refusal: Refusal };

/** Without what only the diagnosis needs. */
export const shownRefusal = ({ reason, detail }: Refusal) => ({ reason, detail });

export type Judgement = Passed | { ok: false; refusal: Refusal };

/** By its provider's signature alone. */
export async function judge({ config, verify }: OpenSource, received: Received): Promise<Judgement> {
  const { secrets, observe } = config;
  const verdict = await verify(received);
  if (verdict.ok) return { ok: true, verdict: 'accepted', secretId: secrets[verdict.secretIndex]?.id };
  const refusal = { reason: verdict.reason, detail: detailOf(verdict.detail), verdict };
  return observe ? { ok: true, verdict: 'unverified', refusal } : { ok: false, refusal };
}

/** Undefined when events may come by this method. */
export function methodRefusal({ config }: OpenSource, { method }: Received): Refusal | undefined {
  const { allowedMethods } = config;
  if (allowedMethods.includes(method)) return undefined;
  return { reason: 'method', detail: `${method} is not allowed here, only ${allowedMethods.join(', ')}` };
}

/** What is stored of a request, and what is hidden in it. */
export function factsOf(
  { config, credentialPlaces }: OpenSource,
  { method, headers, query, body, address }: Received,
  id: string,
): { facts: ReceivedFacts; hidden: Hidden | undefined } {
  const { hidden, ...shown } = redact({ headers, query }, credentialPlaces);
  const facts = { id, sourceId: config.id, method, ...shown, body, bodyBytes: body.length, address };
  return { facts, hidden };
}

export function inboundRequestOf(
  source: OpenSource,
  received: Received,
  passed: Passed,
  id: string,
): InboundRequest {
  const { environmentId, version: sourceVersion, deduplicateBy, validation } = source.config;
  const { facts } = factsOf(source, received, id);
  const { provider } = source;
  const isVerified = passed.verdict === 'accepted';
  const { messages, deliveryId } = readMessages({ provider, deduplicateBy }, received, isVerified);
  return {
    ...facts,
    environmentId,
    sourceVersion,
    verdict: passed.verdict,
    // Of what may be replayed in part, each event must be known again.
    messages: validation === 'park' ? messages.map((message, index) => named(message, id, index)) : messages,
    replayed: false,
    ...(deliveryId === undefined ? {} : { deliveryId }),
    ...(passed.verdict === 'unverified' ? shownRefusal(passed.refusal) : {}),
    ...(passed.verdict === 'accepted' && passed.secretId !== undefined ? { secretId: passed.secretId } : {}),
  };
}

/** By what an event is known that the provider gives no id. */
export const ownEventId = (requestId: string, index: number) => `${requestId}:${index}`;

function named(message: InboundMessage, requestId: string, index: number): InboundMessage {
  return { ...message, eventId: message.eventId ?? ownEventId(requestId, index) };
}
