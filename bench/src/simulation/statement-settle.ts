// What store/settle-deliveries.ts, disable-endpoint.ts and resend.ts ask PostgreSQL for, as a model of the same meaning.
import type { Transaction } from './rows.ts';
import {
  type Delivery,
  deliveryKey,
  type DeliveryState,
  type Due,
  isOpen,
  markDue,
  nullableNumbers,
  numbers,
  type Schema,
  texts,
} from './schema.ts';

function moveDeliveries(schema: Schema, tx: Transaction, values: readonly unknown[]): Delivery[] {
  const [messageIds, endpointIds] = [texts(values[1]), texts(values[2])];
  const [owners, sequences] = [numbers(values[3]), numbers(values[4])];
  const [states, attempts] = [texts(values[5]) as DeliveryState[], numbers(values[6])];
  const delays = nullableNumbers(values[7]);
  return messageIds.flatMap((messageId, i) => {
    const row = schema.deliveries.rows.get(deliveryKey(messageId, endpointIds[i] ?? ''));
    const seen = row && tx.read(row);
    if (seen?.state !== 'delivering') return [];
    if (seen.leaseOwner !== owners[i] || seen.leaseSeq !== sequences[i]) return [];
    const state = states[i] ?? 'cancelled';
    const delayMs = delays[i] ?? null;
    const plannedMs = delayMs === null ? (seen.resumeAtMs ?? tx.nowMs) : tx.nowMs + delayMs;
    const moved: Delivery = {
      ...seen,
      state,
      attempts: attempts[i] ?? 0,
      trigger: 'scheduled',
      nextAtMs: state === 'retrying' ? plannedMs : null,
      resumeAtMs: null,
      leaseOwner: null,
    };
    if (row) tx.write(row, moved);
    return [moved];
  });
}

interface Tried {
  endpointId: string;
  accepted: boolean;
}

function recordAttempts(
  schema: Schema,
  tx: Transaction,
  values: readonly unknown[],
  mayBeTaken: boolean,
): Tried[] {
  const [ids, messageIds, endpointIds] = [texts(values[9]), texts(values[10]), texts(values[11])];
  const [applicationIds, triggers, outcomes] = [texts(values[8]), texts(values[12]), texts(values[14])];
  const [statuses, ages] = [nullableNumbers(values[17]), numbers(values[22])];
  return ids.map((id, i) => {
    const row = schema.attempts.row(`${applicationIds[i]} ${id}`);
    tx.lock(row, 'update');
    const endpointId = endpointIds[i] ?? '';
    const outcome = outcomes[i] ?? '';
    const isTaken = tx.read(row) !== undefined;
    if (isTaken && !mayBeTaken)
      throw new Error(`duplicate key value violates unique constraint: attempt ${id}`);
    if (!isTaken) {
      tx.write(row, {
        id,
        messageId: messageIds[i] ?? '',
        endpointId,
        trigger: triggers[i] ?? '',
        outcome,
        status: statuses[i] ?? null,
        startedAtMs: tx.nowMs - (ages[i] ?? 0),
      });
    }
    return { endpointId, accepted: outcome === 'accepted' };
  });
}

/** Keeps endpoint_failing; gives the endpoints that have only failed for longer than they may. */
function keepHealth(
  schema: Schema,
  tx: Transaction,
  tried: readonly Tried[],
  failingMaxMs: number,
): string[] {
  const health = new Map<string, boolean>();
  for (const { endpointId, accepted } of tried) {
    health.set(endpointId, accepted || health.get(endpointId) === true);
  }
  const failing: string[] = [];
  for (const [endpointId, anyAccepted] of [...health].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const row = schema.failing.row(endpointId);
    tx.lock(row, 'update');
    const known = tx.read(row);
    if (anyAccepted && known) tx.write(row, undefined);
    if (!anyAccepted && !known) tx.write(row, { endpointId, sinceMs: tx.nowMs });
    if (!anyAccepted && known && known.sinceMs < tx.nowMs - failingMaxMs) failing.push(endpointId);
  }
  return failing;
}

function settle(schema: Schema, tx: Transaction, values: readonly unknown[], mayBeTaken: boolean): object[] {
  const moved = moveDeliveries(schema, tx, values);
  const dues = moved.flatMap(({ endpointId, applicationId, nextAtMs }): Due[] =>
    nextAtMs === null ? [] : [{ endpointId, applicationId, dueAtMs: nextAtMs }],
  );
  markDue(schema, tx, dues);
  const tried = recordAttempts(schema, tx, values, mayBeTaken);
  const failingEndpoints = keepHealth(schema, tx, tried, Number(values[23]));
  return [{ moved_count: moved.length, failing_endpoints: failingEndpoints }];
}

export function settleDeliveries(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  return settle(schema, tx, values, false);
}

export function settleDeliveriesAgain(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  return settle(schema, tx, values, true);
}

/** Whoever changes an endpoint changes its application's version first. */
export function bumpVersion(schema: Schema, tx: Transaction, applicationId: string): void {
  const row = schema.applications.row(applicationId);
  tx.lock(row, 'no key update');
  const application = tx.read(row);
  if (application) tx.write(row, { ...application, version: application.version + 1 }, 'no key update');
}

export function disableEndpoint(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const row = schema.endpoints.rows.get(String(values[0]));
  const before = row && tx.read(row);
  if (!row || !before) return [];
  tx.lock(schema.applications.row(before.applicationId), 'no key update');
  tx.lock(row, 'no key update');
  const endpoint = tx.read(row);
  if (!endpoint || endpoint.disabled || endpoint.deleted) return [];
  tx.write(row, { ...endpoint, disabled: true, disabledReason: String(values[1]) }, 'no key update');
  bumpVersion(schema, tx, endpoint.applicationId);
  return [{}];
}

function resent(known: Delivery | undefined, key: Delivery, nowMs: number): Delivery {
  if (!known) return key;
  const open = isOpen(known.state);
  const resumeAtMs = known.trigger === 'manual' ? known.resumeAtMs : known.nextAtMs;
  return {
    ...known,
    state: 'pending',
    trigger: 'manual',
    nextAtMs: Math.min(known.nextAtMs ?? nowMs, nowMs),
    resumeAtMs: open ? resumeAtMs : null,
  };
}

/** `values` in the order in which the statement of store/resend.ts names them. */
export function requestResend(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const [applicationId, messageId, endpointId] = [String(values[0]), String(values[1]), String(values[4])];
  const message = tx.get(schema.messages, messageId);
  const endpoint = tx.get(schema.endpoints, endpointId);
  const found = endpoint?.applicationId === applicationId && !endpoint.deleted ? endpoint : undefined;
  let scheduled = false;
  if (message?.applicationId === applicationId && found && !found.disabled) {
    const row = schema.deliveries.row(deliveryKey(messageId, endpointId));
    tx.lock(row, 'update');
    const known = tx.read(row);
    scheduled = known?.state !== 'delivering';
    const created: Delivery = {
      applicationId,
      messageId,
      endpointId,
      state: 'pending',
      attempts: 0,
      trigger: 'manual',
      nextAtMs: tx.nowMs,
      resumeAtMs: null,
      leaseOwner: null,
      leaseSeq: 0,
    };
    if (scheduled) {
      tx.write(row, resent(known, created, tx.nowMs));
      markDue(schema, tx, [{ endpointId, applicationId, dueAtMs: tx.nowMs }]);
    }
  }
  return [
    {
      message_found: message?.applicationId === applicationId,
      has_payload: message?.applicationId === applicationId,
      endpoint_found: found !== undefined,
      endpoint_disabled: found?.disabled === true,
      scheduled,
    },
  ];
}
