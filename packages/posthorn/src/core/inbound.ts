// What the gateway hands to the engine: a provider's request, judged, with the messages that are in it.

/** One event of a request, as its source's endpoints get it. */
export interface InboundMessage {
  eventType: string;
  /** Of messages of one source with the same one, only the first is stored. */
  eventId?: string;
  /** The exact bytes to deliver. */
  payload: Uint8Array;
  /** `application/json` unless given. */
  contentType?: string;
  /** What it is about: events with the same one belong in order. */
  orderKey?: string;
  /** When it happened. */
  eventAt?: Date;
}

/** The values of each header, by its lower-case name. */
export type HeaderValues = Readonly<Record<string, readonly string[]>>;

/** A request without what became of it. */
export interface ReceivedFacts {
  id: string;
  sourceId: string;
  method: string;
  /** With its question mark; empty without one. */
  query: string;
  headers: HeaderValues;
  /** Undefined where it is not kept. */
  body: Uint8Array | undefined;
  bodyBytes: number;
  address: string | undefined;
}

/**
 * `accepted`: verified. `unverified`: taken in all the same, because the source only observes. `parked`: nothing in it fits
 * its schema; it has no messages until it is replayed.
 */
export interface InboundRequest extends ReceivedFacts {
  verdict: 'accepted' | 'unverified' | 'parked';
  environmentId: string;
  /** The source's version that it was judged by: under another one it must be judged again. */
  sourceVersion: string;
  /** Why it could not be verified, or which of its events are missing. */
  reason?: string;
  detail?: string;
  /** The provider's id of it. */
  deliveryId?: string;
  /** The secret that it was verified with. */
  secretId?: string;
  messages: readonly InboundMessage[];
  /** It is stored already, and was set aside. */
  replayed: boolean;
}

export type InboundAcceptance =
  /** Stored durably: the request, and a message for each of its events that did not come before. */
  | { kind: 'accepted'; messageIds: string[] }
  /** Everything in it came before. `altered`: with another body, which was then set aside. */
  | { kind: 'duplicate'; altered: boolean }
  /** The source has changed since `sourceVersion`. */
  | { kind: 'stale' }
  | { kind: 'unknown_source' };

/** Resolves after the commit. Rejects when the database is away or cannot keep up: then nothing may be promised. */
export type AcceptInbound = (request: InboundRequest) => Promise<InboundAcceptance>;
