// What store/claim-deliveries.ts and store/rate-limit.ts ask PostgreSQL for, as a model of the same meaning.
import type { Row, Transaction } from './rows.ts';
import { type Delivery, isOpen, type Schema, texts } from './schema.ts';

export function nextDue(
  schema: Schema,
  tx: Transaction,
  values: readonly unknown[],
  clockMs: number,
): object[] {
  const full = new Set(texts(values[0]));
  const dues = [...schema.due.rows.values()].flatMap((row) => tx.read(row) ?? []);
  const times = dues.filter(({ endpointId }) => !full.has(endpointId)).map(({ dueAtMs }) => dueAtMs);
  if (times.length === 0) return [];
  return [{ ms: String(Math.ceil(Math.min(...times) - clockMs)), order_kind: null }];
}

export function lockDue(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const full = new Set(texts(values[0]));
  return lockDueWhere(schema, tx, { values, isMeant: (endpointId) => !full.has(endpointId) });
}

export function lockDueOf(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const meant = new Set(texts(values[0]));
  return lockDueWhere(schema, tx, { values, isMeant: (endpointId) => meant.has(endpointId) });
}

interface Which {
  values: readonly unknown[];
  isMeant(endpointId: string): boolean;
}

function lockDueWhere(schema: Schema, tx: Transaction, { values, isMeant }: Which): object[] {
  const endpointsMax = Number(values[1]);
  const owner = schema.processes.row(String(values[2]));
  tx.lock(owner, 'key share');
  if (!tx.read(owner)) return [];
  const due = [...schema.due.rows.values()]
    .flatMap((row) => {
      const value = tx.read(row);
      return value && value.dueAtMs <= tx.nowMs && isMeant(value.endpointId) ? [{ row, value }] : [];
    })
    .toSorted((a, b) => a.value.dueAtMs - b.value.dueAtMs);
  const taken: object[] = [];
  for (const { row, value } of due) {
    if (taken.length >= endpointsMax) break;
    if (tx.tryLock(row, 'update')) taken.push({ endpoint_id: value.endpointId });
  }
  return taken;
}

interface Waiting {
  row: Row<Delivery>;
  value: Delivery;
  nextAtMs: number;
  bytes: number;
  place: number;
}

const byText = (a: string, b: string) => (a < b ? -1 : Number(a > b));

function waitingOf(schema: Schema, tx: Transaction, endpointId: string, rowsMax: number): Waiting[] {
  return [...schema.deliveries.group(endpointId)]
    .flatMap((row) => {
      const value = tx.read(row);
      return value && isOpen(value.state) ? [{ row, value, nextAtMs: value.nextAtMs ?? 0 }] : [];
    })
    .toSorted((a, b) => a.nextAtMs - b.nextAtMs || byText(a.value.messageId, b.value.messageId))
    .slice(0, rowsMax)
    .map((waiting, i) => ({
      ...waiting,
      bytes: tx.get(schema.messages, waiting.value.messageId)?.payload.length ?? 0,
      place: i + 1,
    }));
}

/** Those that fit into `bytesMax`, taken in turns over the endpoints; a row that is locked is left. */
function take(tx: Transaction, waiting: readonly Waiting[], perEndpointMax: number, bytesMax: number) {
  const wanted = waiting
    .filter(({ place, nextAtMs }) => place <= perEndpointMax && nextAtMs <= tx.nowMs)
    .toSorted((a, b) => a.place - b.place || byText(a.value.endpointId, b.value.endpointId));
  const taken = new Set<Waiting>();
  let bytesBefore = 0;
  for (const one of wanted) {
    if (bytesBefore < bytesMax && tx.tryLock(one.row, 'update')) taken.add(one);
    bytesBefore += one.bytes;
  }
  return taken;
}

export function claimDeliveries(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const [owner, perEndpointMax, bytesMax] = [Number(values[0]), Number(values[2]), Number(values[3])];
  const endpointIds = texts(values[1]);
  const waiting = endpointIds.flatMap((id) => waitingOf(schema, tx, id, perEndpointMax + 1));
  const taken = take(tx, waiting, perEndpointMax, bytesMax);
  for (const { row, value } of taken) {
    const leaseSeq = value.leaseSeq + 1;
    tx.write(row, { ...value, state: 'delivering', nextAtMs: null, leaseOwner: owner, leaseSeq });
  }
  for (const endpointId of endpointIds) {
    const left = waiting.filter((one) => one.value.endpointId === endpointId && !taken.has(one));
    const row = schema.due.row(endpointId);
    const due = tx.read(row);
    const nextAtMs = Math.min(...left.map((one) => one.nextAtMs));
    if (due) tx.write(row, left.length > 0 ? { ...due, dueAtMs: Math.max(nextAtMs, tx.nowMs) } : undefined);
  }
  return [...taken].map(({ value }) => ({
    application_id: value.applicationId,
    message_id: value.messageId,
    endpoint_id: value.endpointId,
    lease_seq: value.leaseSeq + 1,
    attempts: value.attempts,
    trigger: value.trigger,
    has_resume_at: value.resumeAtMs !== null,
  }));
}

export function claimedContents(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  return texts(values[1]).flatMap((id) => {
    const message = tx.get(schema.messages, id);
    if (!message || id < String(values[2]) || id > String(values[3])) return [];
    return [{ id, payload: message.payload, content_type: message.contentType }];
  });
}

const reservedAheadMaxMs = 60_000;

export function reserveStarts(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const row = schema.rateLimits.row(String(values[0]));
  tx.lock(row, 'update');
  const startMs = Math.min(Math.max(tx.read(row)?.nextAtMs ?? 0, tx.nowMs), tx.nowMs + reservedAheadMaxMs);
  const nextAtMs = startMs + Number(values[1]) / 1000;
  tx.write(row, { nextAtMs });
  return [{ until_ms: String(nextAtMs - tx.nowMs) }];
}
