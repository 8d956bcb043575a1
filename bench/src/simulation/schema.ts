// The tables that delivering works with, as far as it reads and writes them, and parameters as node-postgres sends them.
import { Table, type Transaction } from './rows.ts';

export interface Application {
  id: string;
  environmentId: string;
  uid: string | null;
  throttleRate: number | null;
  version: number;
  deleted: boolean;
}

export interface Endpoint {
  id: string;
  applicationId: string;
  url: string;
  disabled: boolean;
  disabledReason: string | null;
  eventTypes: string[] | null;
  channels: string[] | null;
  throttleRate: number | null;
  secretHex: string;
  deleted: boolean;
}

export interface Message {
  applicationId: string;
  id: string;
  eventType: string;
  eventId: string | null;
  channels: string[];
  createdAtMs: number;
  payload: Buffer;
  contentType: string;
}

export type DeliveryState = 'pending' | 'delivering' | 'retrying' | 'succeeded' | 'exhausted' | 'cancelled';

export interface Delivery {
  applicationId: string;
  messageId: string;
  endpointId: string;
  state: DeliveryState;
  attempts: number;
  trigger: string;
  nextAtMs: number | null;
  resumeAtMs: number | null;
  leaseOwner: number | null;
  leaseSeq: number;
}

export interface Attempt {
  id: string;
  messageId: string;
  endpointId: string;
  trigger: string;
  outcome: string;
  status: number | null;
  startedAtMs: number;
}

export interface Due {
  endpointId: string;
  applicationId: string;
  dueAtMs: number;
}

export interface ProcessRow {
  id: number;
  host: string | null;
  pid: number;
  heartbeatAtMs: number;
}

const endpointOfDelivery = (key: string) => key.slice(key.indexOf(' ') + 1);
export const deliveryKey = (messageId: string, endpointId: string) => `${messageId} ${endpointId}`;
export const isOpen = (state: DeliveryState) => state === 'pending' || state === 'retrying';

export class Schema {
  readonly applications = new Table<Application>('application');
  readonly endpoints = new Table<Endpoint>('endpoint');
  readonly messages = new Table<Message>('message');
  readonly eventIds = new Table<{ messageId: string }>('message_event_id');
  readonly keys = new Table<{ messageId: string; fingerprint: Buffer }>('idempotency_key');
  readonly deliveries = new Table<Delivery>('delivery', endpointOfDelivery);
  readonly attempts = new Table<Attempt>('attempt');
  readonly due = new Table<Due>('endpoint_due');
  readonly failing = new Table<{ endpointId: string; sinceMs: number }>('endpoint_failing');
  readonly rateLimits = new Table<{ nextAtMs: number }>('rate_limit');
  readonly processes = new Table<ProcessRow>('process');
  processCount = 0;
}

/** `insert into endpoint_due … on conflict do update set due_at = least(…)`, for the earliest time of each endpoint. */
export function markDue(schema: Schema, tx: Transaction, dues: readonly Due[]): void {
  const earliest = new Map<string, Due>();
  for (const due of dues) {
    const known = earliest.get(due.endpointId);
    if (!known || due.dueAtMs < known.dueAtMs) earliest.set(due.endpointId, due);
  }
  for (const endpointId of [...earliest.keys()].toSorted()) {
    const due = earliest.get(endpointId) as Due;
    const row = schema.due.row(endpointId);
    tx.lock(row, 'update');
    const known = tx.read(row);
    tx.write(row, known ? { ...known, dueAtMs: Math.min(known.dueAtMs, due.dueAtMs) } : due);
  }
}

// https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-FORMAT-CODES: what store/binary-array.ts makes.
const headerBytes = 20;
const lengthBytes = 4;

/** A parameter `$n::bytea[]` or `$n::text[]` in binary. */
export function bytesOf(value: unknown): (Buffer | null)[] {
  if (!Buffer.isBuffer(value)) throw new Error('a binary array was expected');
  const items: (Buffer | null)[] = [];
  for (let at = headerBytes; at < value.length; ) {
    const length = value.readInt32BE(at);
    at += lengthBytes;
    items.push(length < 0 ? null : value.subarray(at, at + length));
    at += Math.max(0, length);
  }
  return items;
}

export function nullableTexts(value: unknown): (string | null)[] {
  return bytesOf(value).map((bytes) => bytes && bytes.toString());
}

export function texts(value: unknown): string[] {
  return nullableTexts(value).map((text) => text ?? '');
}

/** A parameter `$n::integer[]`, `$n::bigint[]` or `$n::boolean[]` in binary: 4, 8 or 1 bytes for each. */
export function nullableNumbers(value: unknown): (number | null)[] {
  return bytesOf(value).map((bytes) => {
    if (bytes === null) return null;
    if (bytes.length === 8) return Number(bytes.readBigInt64BE());
    return bytes.length === 4 ? bytes.readInt32BE() : bytes.readUInt8();
  });
}

export function numbers(value: unknown): number[] {
  return nullableNumbers(value).map((number) => number ?? 0);
}
