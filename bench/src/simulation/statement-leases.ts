// What store/leases.ts and store/processes.ts ask PostgreSQL for, as a model of the same meaning.
import type { Row, Transaction } from './rows.ts';
import { type Delivery, deliveryKey, isOpen, markDue, numbers, type Schema, texts } from './schema.ts';

function giveBack(
  schema: Schema,
  tx: Transaction,
  rows: readonly Row<Delivery>[],
  dueAtMs: number,
): object[] {
  const released = rows.flatMap((row) => {
    const delivery = tx.read(row);
    if (!delivery) return [];
    const state = delivery.attempts === 0 ? 'pending' : 'retrying';
    tx.write(row, { ...delivery, state, nextAtMs: dueAtMs, leaseOwner: null });
    return [delivery];
  });
  markDue(
    schema,
    tx,
    released.map(({ endpointId, applicationId }) => ({ endpointId, applicationId, dueAtMs })),
  );
  return [{ count: released.length }];
}

export function releaseLeases(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const endpointIds = texts(values[2]);
  const [owners, sequences] = [numbers(values[3]), numbers(values[4])];
  const rows = texts(values[1]).flatMap((messageId, i) => {
    const row = schema.deliveries.rows.get(deliveryKey(messageId, endpointIds[i] ?? ''));
    const seen = row && tx.read(row);
    const holds =
      seen?.state === 'delivering' && seen.leaseOwner === owners[i] && seen.leaseSeq === sequences[i];
    return row && holds ? [row] : [];
  });
  return giveBack(schema, tx, rows, tx.nowMs + Number(values[5]));
}

export function endDelivered(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const [endpointIds, sequences, attempts] = [texts(values[2]), numbers(values[3]), numbers(values[4])];
  const ended = texts(values[1]).flatMap((messageId, i) => {
    const row = schema.deliveries.rows.get(deliveryKey(messageId, endpointIds[i] ?? ''));
    const seen = row && tx.read(row);
    if (!row || seen?.trigger !== 'scheduled') return [];
    const isHeld = seen.state === 'delivering';
    if (!isHeld && !isOpen(seen.state)) return [];
    if (seen.leaseSeq < (sequences[i] ?? 0) + (isHeld ? 1 : 0)) return [];
    const attempted = Math.max(seen.attempts, attempts[i] ?? 0);
    const cleared = { nextAtMs: null, resumeAtMs: null, leaseOwner: null };
    tx.write(row, { ...seen, ...cleared, state: 'succeeded', attempts: attempted });
    return [seen];
  });
  markDue(
    schema,
    tx,
    ended.map(({ endpointId, applicationId }) => ({ endpointId, applicationId, dueAtMs: tx.nowMs })),
  );
  return [{ count: ended.length }];
}

function leasedTo(schema: Schema, tx: Transaction, owners: readonly number[]): Row<Delivery>[] {
  return [...schema.deliveries.rows.values()].filter((row) => {
    const delivery = tx.read(row);
    return delivery?.state === 'delivering' && owners.includes(delivery.leaseOwner ?? -1);
  });
}

export function listLeases(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  return leasedTo(schema, tx, [Number(values[0])]).flatMap((row) => {
    const delivery = tx.read(row);
    if (!delivery) return [];
    const { applicationId, messageId, endpointId, leaseSeq } = delivery;
    return [
      { application_id: applicationId, message_id: messageId, endpoint_id: endpointId, lease_seq: leaseSeq },
    ];
  });
}

export function lockDead(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const silentMaxMs = Number(values[0]);
  const [known, silent] = [values[1] as number[], values[2] as number[]];
  return [...schema.processes.rows.values()].flatMap((row) => {
    const one = tx.read(row);
    if (!one) return [];
    const isSilent = one.heartbeatAtMs < tx.nowMs - silentMaxMs && silent.includes(one.id);
    const dead = isSilent || known.includes(one.id);
    return dead && tx.tryLock(row, 'update') ? [{ id: one.id }] : [];
  });
}

export function lockProcess(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const row = schema.processes.row(String(values[0]));
  tx.lock(row, 'update');
  return tx.read(row) ? [{ id: Number(values[0]) }] : [];
}

export function recoverLeases(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const ids = values[0] as number[];
  const freed = giveBack(schema, tx, leasedTo(schema, tx, ids), tx.nowMs);
  for (const id of ids) {
    const row = schema.processes.rows.get(String(id));
    if (row && tx.read(row)) tx.write(row, undefined);
  }
  return freed;
}

export function registerProcess(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  schema.processCount += 1;
  const id = schema.processCount;
  const [host, pid] = [values[0] as string | null, Number(values[1])];
  tx.write(schema.processes.row(String(id)), { id, host, pid, heartbeatAtMs: tx.nowMs });
  return [{ id }];
}

export function heartbeat(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const id = Number(values[0]);
  const silentMaxMs = Number(values[1]);
  const row = schema.processes.rows.get(String(id));
  if (row) tx.lock(row, 'no key update');
  const own = row && tx.read(row);
  if (row && own) tx.write(row, { ...own, heartbeatAtMs: tx.nowMs }, 'no key update');
  const silentIds = [...schema.processes.rows.values()].flatMap((other) => {
    const one = tx.read(other);
    return one && one.id !== id && one.heartbeatAtMs < tx.nowMs - silentMaxMs ? [one.id] : [];
  });
  const wasSilentMs = own ? tx.nowMs - own.heartbeatAtMs : null;
  return [{ alive: own !== undefined, was_silent_ms: wasSilentMs, silent_ids: silentIds }];
}

export function listNeighbours(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  return [...schema.processes.rows.values()]
    .flatMap((row) => tx.read(row) ?? [])
    .filter(({ host, id }) => host !== null && host === values[0] && id !== Number(values[1]))
    .map(({ id, pid }) => ({ id, pid }));
}
