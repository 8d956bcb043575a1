// What is asked of the engine when a message comes in, and what it answers.

/** A message as it came through a door, before it is stored. */
export interface NewMessage {
  environmentId: string;
  /** The application's id or uid. */
  application: string;
  eventType: string;
  /** The sender's own id: unique within the application. */
  eventId?: string;
  channels?: string[];
  tags?: string[];
  /** The only endpoint that it is for, whatever that one asks for. */
  endpointId?: string;
  /** The exact bytes to sign and deliver. */
  payload: Uint8Array;
  /** `application/json` unless given. */
  contentType?: string;
  /** Deliveries begin then, and not before. */
  deliverAt?: Date;
  /** Endpoints with an order by key deliver messages with the same one in order. */
  orderKey?: string;
  /** When what it tells happened. */
  eventAt?: Date;
  /** Hours after which the content goes; it goes with the message unless given. */
  contentHours?: number;
  idempotency?: { key: string; fingerprint: Uint8Array };
}

export type Acceptance =
  /** Stored durably. `replayed`: the same idempotency key and fingerprint came before, and this is its message. */
  | { kind: 'accepted'; applicationId: string; messageId: string; createdAt: Date; replayed: boolean }
  | { kind: 'unknown_application' }
  /** The eventId is taken by `messageId`. */
  | { kind: 'duplicate_event_id'; messageId: string }
  /** The idempotency key was used before with another payload. */
  | { kind: 'idempotency_mismatch' };

/** Too much waits for the database already: nothing more is taken in until it catches up. */
export class OverloadedError extends Error {
  constructor() {
    super('the database cannot keep up with the messages that are coming in');
    this.name = 'OverloadedError';
  }
}

/** Resolves after the commit. Rejects when the database is away or cannot keep up: then nothing may be promised. */
export type Accept = (message: NewMessage) => Promise<Acceptance>;
