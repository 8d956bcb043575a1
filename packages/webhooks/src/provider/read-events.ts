// What happened, as a verified request says it: one event, or the several of a batch.
import type { EventFields, Field, Location, Provider, TimeField } from './provider.ts';
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
};

const eventsMax = 10_000;
const formType = 'application/x-www-form-urlencoded';

/** The events of a request that was verified; at least one, and of a batch at most 10,000. */
export function readEvents(provider: Provider, received: ReceivedRequest): readonly ProviderEvent[] {
  const bytes = bodyBytes(received.body) ?? new Uint8Array();
  return eventsOf(provider, new ProviderRequest(received, bytes as Uint8Array<ArrayBuffer>));
}

function eventsOf({ event }: Provider, request: ProviderRequest): readonly ProviderEvent[] {
  const { batch } = event;
  if (batch === undefined) return [eventOf(event, request, payloadOf(request))];
  const items = typeof batch === 'string' ? at(request.json(), split(batch).rest) : batch(request);
  if (!Array.isArray(items)) return [eventOf(event, request, payloadOf(request))];
  return items.slice(0, eventsMax).map((item: unknown) => eventOf(event, request, item));
}

function eventOf(fields: EventFields, request: ProviderRequest, item: unknown): ProviderEvent {
  const valueOf = (field: Field | undefined) =>
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

function read(field: Field, valueOf: (place: Location) => string | undefined): string | undefined {
  if (typeof field === 'string') return valueOf(field) || undefined;
  if ('first' in field) {
    return field.first.map((part) => read(part, valueOf)).find((value) => value !== undefined);
  }
  const parts = field.all.map((part) => ({ value: read(part, valueOf), isConst: isConst(part) }));
  const said = parts.some(({ value, isConst: fixed }) => value !== undefined && !fixed);
  const values = parts.flatMap(({ value }) => (value === undefined ? [] : [value]));
  return said ? values.join(field.join) : undefined;
}

function isConst(field: Field): boolean {
  return typeof field === 'string' && field.startsWith('const:');
}

function payloadOf(request: ProviderRequest): unknown {
  const isForm = request.header('content-type')?.toLowerCase().startsWith(formType) ?? false;
  return isForm ? Object.fromEntries(request.form()) : request.json();
}
