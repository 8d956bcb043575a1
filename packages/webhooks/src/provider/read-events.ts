// What happened, as a verified request says it: one event, or the several of a batch.
import type { Location } from './location.ts';
import type { ConditionalField, EventFields, Field, IdField, Provider, TimeField } from './provider.ts';
import { at, ProviderRequest, split } from './request.ts';
import type { ReceivedRequest } from './request.ts';
import { bodyBytes } from '../signed-content.ts';
import { readInstant } from './instant.ts';

/** One event of a request. What the provider does not say is absent. */
export type ProviderEvent = {
  /** `unknown` when the request does not say it. */
  readonly type: string;
  /** The same on every retry. */
  readonly id?: string;
  /** When it happened, Unix seconds. */
  readonly timeSeconds?: number;
  /** Events with the same key must be handled in order. */
  readonly orderKey?: string;
  /** The body as JSON, the item of a batch, or the fields of a form; undefined when the body is neither. */
  readonly payload: unknown;
  /** The request has more than 10,000 events, which are not taken apart: this one stands for all of them. */
  readonly isWholeBatch?: true;
};

const eventsMax = 10_000;
// An item with more keys is not taken apart: each of its events would hold them all.
const keysMax = 256;

/**
 * The events of a request that was verified: none when a batch is empty, as in a test or a heartbeat. Of more than 10,000
 * there is one that stands for all of them.
 */
export function readEvents(provider: Provider, received: ReceivedRequest): readonly ProviderEvent[] {
  const bytes = bodyBytes(received.body) ?? new Uint8Array();
  const request = new ProviderRequest(received, bytes as Uint8Array<ArrayBuffer>, provider);
  return eventsOf(provider, request);
}

function eventsOf({ event }: Provider, request: ProviderRequest): readonly ProviderEvent[] {
  const items = batchOf(event, request);
  const whole = () => eventOf(event, request, request.payload());
  if (items === undefined) return [whole()];
  const events: ProviderEvent[] = [];
  for (const item of items) {
    for (const single of singles(event, item)) {
      if (events.length === eventsMax) return [{ ...whole(), isWholeBatch: true }];
      events.push(eventOf(event, request, single));
    }
  }
  return events;
}

function batchOf({ batch = [] }: EventFields, request: ProviderRequest): readonly unknown[] | undefined {
  if (typeof batch === 'function') return batch(request);
  const paths = typeof batch === 'string' ? [batch] : batch;
  return paths.map((path) => at(request.json(), split(path).rest)).find((items) => Array.isArray(items));
}

/** An item once for each of the several events in it. */
function* singles({ nested = [] }: EventFields, item: unknown): Generator {
  for (const path of nested) {
    const several = at(item, split(path).rest);
    if (!Array.isArray(several) || several.length === 0 || hasManyKeys(item)) continue;
    for (const one of several as unknown[]) yield withOnly(item, split(path).rest.split('.'), one);
    return;
  }
  yield item;
}

function hasManyKeys(item: unknown): boolean {
  return typeof item === 'object' && item !== null && Object.keys(item).length > keysMax;
}

function withOnly(value: unknown, [step, ...rest]: readonly string[], one: unknown): unknown {
  if (step === undefined) return [one];
  const record = value as Readonly<Record<string, unknown>>;
  return { ...record, [step]: withOnly(record[step], rest, one) };
}

function eventOf(fields: EventFields, request: ProviderRequest, item: unknown): ProviderEvent {
  const valueOf = (field: IdField | undefined) =>
    field === undefined ? undefined : read(field, (place) => request.value(place, item));
  const id = valueOf(fields.id);
  const orderKey = valueOf(fields.order);
  const timeSeconds = timeOf(fields.time, valueOf);
  const type = typeof fields.type === 'function' ? fields.type(request, item) : valueOf(fields.type);
  return {
    type: type ?? 'unknown',
    ...(id === undefined ? {} : { id }),
    ...(timeSeconds === undefined ? {} : { timeSeconds }),
    ...(orderKey === undefined ? {} : { orderKey }),
    payload: item,
  };
}

function timeOf(
  field: TimeField | undefined,
  valueOf: (field: Field) => string | undefined,
): number | undefined {
  const text = field && valueOf(field.at);
  return field === undefined || text === undefined ? undefined : readInstant(text, field.unit);
}

function read(
  field: IdField | ConditionalField,
  valueOf: (place: Location) => string | undefined,
): string | undefined {
  if (typeof field === 'string') return valueOf(field) || undefined;
  if ('when' in field) {
    const conditions = Object.entries(field.when) as [Location, readonly string[]][];
    const holds = conditions.every(([place, values]) => values.includes(valueOf(place) ?? ''));
    return holds ? read(field.take, valueOf) : undefined;
  }
  if ('first' in field) {
    return field.first.map((part) => read(part, valueOf)).find((value) => value !== undefined);
  }
  const parts = field.all.map((part) => ({ value: read(part, valueOf), isConst: isConst(part) }));
  const said = parts.some(({ value, isConst: fixed }) => value !== undefined && !fixed);
  const values = parts.flatMap(({ value }) => (value === undefined ? [] : [value]));
  const isEnough = field.complete !== true || values.length === parts.length;
  return said && isEnough ? values.join(field.join) : undefined;
}

function isConst(field: Field): boolean {
  return typeof field === 'string' && field.startsWith('const:');
}
