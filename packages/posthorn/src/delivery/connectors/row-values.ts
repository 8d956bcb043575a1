// The values of a row, for databases that do not take them out of the JSON by themselves.
import { exactValue } from '../../core/exact-value.ts';
import type { MessagePath } from '../../core/message-path.ts';
import { type ActionDelivery, UnfitError } from './connector.ts';
import type { UpsertPlan } from './upsert.ts';

/** `text` is null for what is null or not there. A number is written as in the message, whatever its size. */
export interface RowValue {
  kind: 'string' | 'number' | 'boolean' | 'json';
  text: string | null;
}

/** In the order of the plan's columns. Throws UnfitError. */
export function rowOf({ columns, key }: UpsertPlan, delivery: ActionDelivery): RowValue[] {
  checkJson(columns, delivery.payload);
  return columns.map(({ name, path }) => {
    const value = valueOf(path, delivery);
    if (value.text !== null || !key.includes(name)) return value;
    throw new UnfitError(`the message has nothing for ${name}, which is part of the key`);
  });
}

function valueOf({ member, steps }: MessagePath, delivery: ActionDelivery): RowValue {
  const { messageId, eventType, atMs, payload } = delivery;
  if (member === 'payload') {
    const value = exactValue(payload, steps);
    return 'text' in value ? value : { kind: 'string', text: null };
  }
  const texts = { id: messageId, eventType, timestamp: new Date(atMs).toISOString() };
  return { kind: 'string', text: texts[member] };
}

/** Throws UnfitError when columns are taken from a payload that has no parts. */
export function checkJson(columns: UpsertPlan['columns'], payload: Uint8Array): void {
  if (!columns.some(({ path }) => path.member === 'payload')) return;
  try {
    JSON.parse(Buffer.from(payload).toString());
  } catch {
    throw new UnfitError('the payload is not JSON, and has no parts for columns');
  }
}
