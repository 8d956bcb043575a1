// What the processes of a run say to each other, and the id that every message carries.

/** Two digits of load and ten of sequence: fixed places, so that the sink reads the id without parsing JSON. */
export const idMark = '"id":"';
export const loadDigits = 4;
export const sequenceDigits = 8;
export const idDigits = loadDigits + sequenceDigits;

/** One publisher's way in: an HTTP request head up to its content-length, and the endpoints that a message reaches. */
export interface Target {
  /** Request line and headers without content-length, each line ending in CRLF. */
  head: string;
  endpoints: readonly number[];
  /** Requests are signed with it as GitHub's are, and have a delivery id each. */
  secret?: string;
}

/** Body = before + id + after, once per message, joined by commas between `open` and `close` when batched. */
export interface Body {
  open: string;
  before: string;
  after: string;
  close: string;
  messagesPerRequest: number;
}

export interface LoadOrder {
  load: number;
  port: number;
  sinkPort: number;
  heads: readonly string[];
  /** By head: what its requests are signed with; undefined: they are not. */
  secrets: readonly (string | undefined)[];
  /** Message n goes to head `turns[n % turns.length]`. */
  turns: readonly number[];
  body: Body;
  connections: number;
  /** Messages a second that are due whether or not the earlier ones are answered; 0: as fast as answers come. */
  ratePerSecond: number;
  /** Messages published and not yet arrived, at most; 0: no limit. Each counts `arrivalsPerMessage` arrivals. */
  underWayMax: number;
  arrivalsPerMessage: number;
}

export type ToGenerator = { kind: 'start'; order: LoadOrder } | { kind: 'stop' };
export type FromGenerator =
  | { kind: 'ready' }
  | { kind: 'sending'; sent: number; answered: number }
  | {
      kind: 'done';
      /** By sequence; milliseconds of the shared clock. */
      intendedAtMs: Float64Array;
      answeredAtMs: Float64Array;
      /** HTTP status; 0: no answer. */
      status: Float64Array;
      /** Why connections failed, if some did. */
      errors: string[];
    };

export type ToSink = { kind: 'begin'; load: number } | { kind: 'take' };
export type FromSink =
  | { kind: 'listening'; port: number }
  | { kind: 'arriving'; arrived: number }
  | { kind: 'begun' }
  | { kind: 'taken'; sequence: Float64Array; endpoint: Float64Array; atMs: Float64Array; strays: number };

export type FromRelay = { kind: 'listening'; port: number };

export function idOf(load: number, sequence: number): string {
  return String(load).padStart(loadDigits, '0') + String(sequence).padStart(sequenceDigits, '0');
}

/** The message is stored, in what way ever that is said. */
export function isAccepted(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Sends to the process that started this one. */
export function tellParent(message: FromGenerator | FromSink | FromRelay): void {
  process.send?.(message);
}
