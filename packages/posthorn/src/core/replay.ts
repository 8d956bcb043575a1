// Having a request again that was set aside: what is asked, and what came of it.

/** What a source makes of a request that it had set aside. */
export type ReplayResult =
  /** Stored: its messages go to the endpoints. None where all of it had come before. */
  | { kind: 'accepted'; messageIds: string[] }
  /** Refused again; or parked, because nothing in it fits its schema. */
  | { kind: 'rejected' | 'parked'; reason: string; detail: string }
  | { kind: 'unknown_source' }
  | { kind: 'unknown_request' }
  /** It was taken in, or its body was not kept. */
  | { kind: 'impossible'; detail: string };

export type ReplayRequest = (request: {
  environmentId: string;
  sourceId: string;
  requestId: string;
}) => Promise<ReplayResult>;
