// The events of a verified request as messages: exact bytes, also of each one in a batch.
import { createHash } from 'node:crypto';
import { type Provider, type ProviderEvent, readEvents } from '@posthorn/webhooks/provider';
import type { InboundMessage } from '../core/inbound.ts';
import { eventTypeOf, isPlainId } from '../core/inbound-names.ts';
import { type Slice, sliceElements, sliceMembers } from '../core/json-slice.ts';
import type { DeduplicateBy } from '../store/source-tables.ts';
import { receivedRequest } from './open-source.ts';
import type { Received } from './received.ts';

const contentTypeMaxChars = 256;
const contentTypePattern = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+[\x20-\x7e]*$/;
const formType = 'application/x-www-form-urlencoded';
const anyBytes = 'application/octet-stream';
const batchPrefix = 'body:';
// Events that are written anew repeat what surrounds them: so much more than the body they may be in all. Real ones are
// a few times as large.
const writtenRatioMax = 16;
const writtenMinBytes = 64 * 1024;

export interface ReadMessages {
  messages: InboundMessage[];
  /** The provider's id of the request, where it holds one event. */
  deliveryId: string | undefined;
}

/** `isVerified` is false for what a source takes in although it cannot verify it. */
export function readMessages(
  { provider, deduplicateBy }: { provider: Provider; deduplicateBy: DeduplicateBy },
  received: Received,
  isVerified: boolean,
): ReadMessages {
  const events = readEvents(provider, receivedRequest(received));
  const payloads = payloadsOf(provider, received, events);
  const messages = payloads.map(({ event, payload, contentType }): InboundMessage => {
    const eventId = eventIdOf(event, payload, deduplicateBy);
    return {
      eventType: eventTypeOf(event.type),
      payload,
      ...(contentType === undefined ? {} : { contentType }),
      // Whoever is not who they say must not take the place of what comes from the provider itself.
      ...(eventId === undefined ? {} : { eventId: isVerified ? eventId : `unverified:${eventId}` }),
    };
  });
  const [only, ...others] = events;
  const id = others.length === 0 ? only?.id : undefined;
  return { messages, deliveryId: id !== undefined && isPlainId(id) ? id : undefined };
}

interface Payload {
  event: ProviderEvent;
  payload: Uint8Array;
  contentType: string | undefined;
}

function payloadsOf(provider: Provider, received: Received, events: readonly ProviderEvent[]): Payload[] {
  const [first] = events;
  if (first?.isWholeBatch) return [{ event: first, ...wholeOf(provider, received, first) }];
  const { batch, nested } = provider.event;
  // Events that a row takes out of an item, or by a function of its own, have no bytes of their own: they are written anew.
  const isMade = nested !== undefined || typeof batch === 'function';
  const { body } = received;
  const slices = isMade ? undefined : listedSlices(body, batch, events.length);
  const isOne = !isMade && slices === undefined && events.length === 1;
  const payloads =
    slices?.map(({ start, end }) => body.subarray(start, end)) ??
    (isOne ? undefined : writtenAnew(events, Math.max(writtenMinBytes, body.length * writtenRatioMax)));
  if (payloads) {
    return payloads.flatMap((payload, index) => {
      const event = events[index];
      return event === undefined ? [] : [{ event, payload, contentType: undefined }];
    });
  }
  return events.slice(0, 1).map((event) => ({ event, ...wholeOf(provider, received, event) }));
}

/** Undefined when an event is nested too deep to be written, or they are too much for memory in all. */
function writtenAnew(events: readonly ProviderEvent[], bytesMax: number): Buffer[] | undefined {
  const written: Buffer[] = [];
  let bytes = 0;
  for (const { payload } of events) {
    const json = jsonOf(payload ?? null);
    bytes += json?.length ?? 0;
    if (json === undefined || bytes > bytesMax) return undefined;
    written.push(json);
  }
  return written;
}

/** JSON.parse takes any depth, JSON.stringify as much as the stack holds. */
function jsonOf(value: unknown): Buffer | undefined {
  try {
    return Buffer.from(JSON.stringify(value));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The body of a request that holds one event, or several that cannot be parted; of one without a body, its query. */
function wholeOf(
  provider: Provider,
  { body, query, headers }: Received,
  event: ProviderEvent,
): Omit<Payload, 'event'> {
  if (body.length === 0) {
    const parameters = Object.fromEntries(new URLSearchParams(query));
    return { payload: Buffer.from(JSON.stringify(parameters)), contentType: undefined };
  }
  const given = headers['content-type']?.[0] ?? '';
  const isSaid = /json/i.test(given);
  if (event.payload !== undefined && (isSaid || isJson(body))) {
    return { payload: body, contentType: undefined };
  }
  // The JSON is a field of a form: it is what happened, and the form is how it was sent.
  const json =
    provider.jsonField === undefined ? undefined : jsonOfForm(body, given, provider.jsonField, event);
  if (json !== undefined) return { payload: Buffer.from(json), contentType: undefined };
  const isUsable = given.length <= contentTypeMaxChars && contentTypePattern.test(given);
  return { payload: body, contentType: isUsable ? given : anyBytes };
}

/** As it was written where that can be had: numbers need not fit ours. Undefined when the form has no such field. */
function jsonOfForm(
  body: Buffer,
  contentType: string,
  name: string,
  { payload }: ProviderEvent,
): string | undefined {
  if (payload === undefined) return undefined;
  if (contentType.toLowerCase().startsWith(formType)) {
    return new URLSearchParams(body.toString('utf8')).get(name) ?? undefined;
  }
  return JSON.stringify(payload);
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

/** Of the first of the paths that leads to a list; undefined when that holds other events than were read. */
function listedSlices(
  body: Buffer,
  batch: string | readonly string[] | undefined,
  count: number,
): Slice[] | undefined {
  const paths = typeof batch === 'string' ? [batch] : (batch ?? []);
  const slices = paths.map((path) => itemSlices(body, path)).find((found) => found !== undefined);
  return slices?.length === count ? slices : undefined;
}

/** Where the items of a batch stand in the body; undefined when there is no list at that path. */
function itemSlices(body: Buffer, batch: string): Slice[] | undefined {
  const steps = batch
    .slice(batchPrefix.length)
    .split('.')
    .filter((step) => step !== '');
  if (!isList(body, steps)) return undefined;
  let [start, end] = [0, body.length];
  for (const step of steps) {
    const members = sliceMembers(body.subarray(start, end), [step], Number.POSITIVE_INFINITY);
    const member = members === 'too_deep' ? undefined : members.get(step);
    if (member === undefined) return undefined;
    [start, end] = [start + member.start, start + member.end];
  }
  const array = { start: body.indexOf('[', start), end };
  const slices = sliceElements(body, array, Number.POSITIVE_INFINITY);
  return slices === 'too_deep' ? undefined : slices;
}

function isList(body: Buffer, steps: readonly string[]): boolean {
  try {
    let value: unknown = JSON.parse(body.toString('utf8'));
    for (const step of steps) {
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
      value =
        isObject && Object.hasOwn(value as object, step) ? Reflect.get(value as object, step) : undefined;
    }
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** What an event is known to have come before by; undefined when by nothing. */
function eventIdOf(event: ProviderEvent, payload: Uint8Array, by: DeduplicateBy): string | undefined {
  if (by === 'nothing') return undefined;
  // An id of one of many would stand for all of them.
  if (by === 'body' || event.isWholeBatch) return `sha256:${sha256(payload)}`;
  if (event.id === undefined) return undefined;
  return isPlainId(event.id) ? event.id : `sha256:${sha256(Buffer.from(event.id))}`;
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
