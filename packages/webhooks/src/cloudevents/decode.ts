// CloudEvents out of HTTP messages. What is no CloudEvent is a value: only the caller knows what to answer.
import { ProviderRequest } from '../provider/request.ts';
import type { RequestHeaders } from '../signature-headers.ts';
import { bodyBytes } from '../signed-content.ts';
import { decodeDataBase64 } from './data-base64.ts';
import { coreNames, isJsonType, isUtf8Type, problemOf, specVersion } from './event.ts';
import type { AttributeValue, CloudEvent } from './event.ts';
import { decodeHeaderValue } from './header-value.ts';

export type ReceivedMessage = {
  /** A Fetch `Headers` or a record of all headers: extensions are found by their names. */
  readonly headers:
    | (RequestHeaders & Iterable<readonly [string, string]>)
    | Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array | ArrayBuffer | string;
};

/** `unsupported`: another version, format or character set; `malformed`: against the specification. */
export type DecodeProblem = 'no-cloudevent' | 'unsupported' | 'malformed' | 'too-large';
export type Decoded =
  | {
      readonly ok: true;
      readonly mode: 'binary' | 'structured' | 'batch';
      readonly events: readonly CloudEvent[];
    }
  | { readonly ok: false; readonly reason: DecodeProblem; readonly detail: string };

type Failed = Extract<Decoded, { ok: false }>;
type Read = { readonly ok: true; readonly event: CloudEvent } | Failed;

const bodyMaxBytes = 25 * 1024 * 1024;
const eventsMax = 10_000;
const headerPrefix = 'ce-';
const requiredHeaders = ['ce-specversion', 'ce-id', 'ce-source', 'ce-type'];
const strictDecoder = new TextDecoder('utf-8', { fatal: true });

/** The mode is told by the content type. Verify the signature first: nothing is authentic because it can be decoded. */
export function decodeMessage(message: ReceivedMessage): Decoded {
  const body = bodyBytes(message.body);
  if (body === undefined) return failed('malformed', 'the body is no bytes and no text');
  if (body.length > bodyMaxBytes) return failed('too-large', `the body is larger than ${bodyMaxBytes} bytes`);
  const headers = headersOf(message);
  const contentType = headers.get('content-type') ?? '';
  if (!/^application\/cloudevents/i.test(contentType)) return inBinary(headers, body);
  if (!/^application\/cloudevents(?:-batch)?\+json\s*(?:;|$)/i.test(contentType) || !isUtf8Type(contentType))
    return failed('unsupported', 'the format is not JSON in UTF-8');
  const text = textOf(body);
  const json = text === undefined ? undefined : parsed(text);
  if (json === undefined) return failed('malformed', 'the body is not JSON in UTF-8');
  return /^application\/cloudevents-batch/i.test(contentType)
    ? inBatch(json.value)
    : inStructured(json.value);
}

function inBinary(headers: ReadonlyMap<string, string>, body: Uint8Array): Decoded {
  if (!requiredHeaders.some((name) => headers.has(name)))
    return failed('no-cloudevent', 'the message has neither the media type nor the headers of a CloudEvent');
  if (headers.has('ce-datacontenttype')) return failed('malformed', 'ce-datacontenttype must not be there');
  const attributes = new Map<string, AttributeValue>();
  for (const [name, value] of headers) {
    if (!name.startsWith(headerPrefix)) continue;
    const decoded = decodeHeaderValue(value);
    if (decoded === undefined) return failed('malformed', 'a header of an attribute is not encoded rightly');
    attributes.set(name.slice(headerPrefix.length), decoded);
  }
  const contentType = headers.get('content-type');
  if (contentType !== undefined) attributes.set('datacontenttype', contentType);
  const data = body.length === 0 ? { ok: true as const, data: undefined } : dataIn(body, contentType);
  return data.ok ? one('binary', eventOf(attributes, data.data)) : data;
}

function inStructured(json: unknown): Decoded {
  return one('structured', eventInJson(json));
}

function inBatch(json: unknown): Decoded {
  if (!Array.isArray(json)) return failed('malformed', 'the batch is no array');
  if (json.length > eventsMax) return failed('too-large', `the batch has more than ${eventsMax} events`);
  const events: CloudEvent[] = [];
  for (const item of json as readonly unknown[]) {
    const read = eventInJson(item);
    if (!read.ok) return read;
    events.push(read.event);
  }
  return { ok: true, mode: 'batch', events };
}

function one(mode: 'binary' | 'structured', read: Read): Decoded {
  return read.ok ? { ok: true, mode, events: [read.event] } : read;
}

function eventInJson(json: unknown): Read {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return failed('malformed', 'the event is no object');
  const members = new Map(Object.entries(json as Record<string, unknown>));
  const [hasData, data, base64] = [members.has('data'), members.get('data'), members.get('data_base64')];
  members.delete('data');
  members.delete('data_base64');
  const attributes = new Map<string, AttributeValue>();
  for (const [name, value] of members) {
    if (value === null) continue;
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
      return failed('malformed', 'an attribute is no text, number or boolean');
    attributes.set(name, value);
  }
  if (base64 === undefined || base64 === null) return jsonData(attributes, hasData, data);
  if (hasData) return failed('malformed', 'data and data_base64 are both there');
  const bytes = typeof base64 === 'string' ? decodeDataBase64(base64) : undefined;
  return bytes === undefined ? failed('malformed', 'data_base64 is not base64') : eventOf(attributes, bytes);
}

function jsonData(attributes: ReadonlyMap<string, AttributeValue>, hasData: boolean, data: unknown): Read {
  if (!hasData) return eventOf(attributes, undefined);
  const contentType = attributes.get('datacontenttype');
  const isJson = contentType === undefined || (typeof contentType === 'string' && isJsonType(contentType));
  if (!isJson && typeof data !== 'string')
    return failed('malformed', 'data of a type that is not JSON is no text');
  return eventOf(attributes, data);
}

/** Sorts attributes into those of the specification and extensions, and judges them. */
function eventOf(attributes: ReadonlyMap<string, AttributeValue>, data: unknown): Read {
  const version = attributes.get('specversion');
  if (version === undefined) return failed('malformed', 'specversion is missing');
  if (version !== specVersion) return failed('unsupported', `specversion is not ${specVersion}`);
  const names: readonly string[] = [...coreNames, 'specversion'];
  const core = [...attributes].filter(([name]) => names.includes(name) && name !== 'specversion');
  const extensions = [...attributes].filter(([name]) => !names.includes(name));
  const event = {
    ...(Object.fromEntries(core) as { id: string; source: string; type: string }),
    ...(extensions.length === 0 ? {} : { extensions: Object.fromEntries(extensions) }),
    ...(data === undefined ? {} : { data }),
  };
  const problem = problemOf(event);
  return problem === undefined ? { ok: true, event } : failed('malformed', problem);
}

/** Binary mode: JSON and text as what they are, everything else as bytes. */
function dataIn(body: Uint8Array, contentType: string | undefined): { ok: true; data: unknown } | Failed {
  if (contentType === undefined) return { ok: true, data: Uint8Array.from(body) };
  const isJson = isJsonType(contentType);
  const isText = /^(?:text\/|[^/]+\/(?:[^/;]+\+)?xml\s*(?:;|$))/i.test(contentType);
  if ((!isJson && !isText) || !isUtf8Type(contentType)) return { ok: true, data: Uint8Array.from(body) };
  const text = textOf(body);
  if (text === undefined) return failed('malformed', 'the data is not UTF-8');
  if (!isJson) return { ok: true, data: text };
  const json = parsed(text);
  return json === undefined ? failed('malformed', 'the data is not JSON') : { ok: true, data: json.value };
}

/** By lower-case name; what came twice is joined, as HTTP has it. */
function headersOf({ headers }: ReceivedMessage): ReadonlyMap<string, string> {
  const names =
    typeof (headers as Iterable<unknown>)[Symbol.iterator] === 'function'
      ? Array.from(headers as Iterable<readonly [string, string]>, ([name]) => name)
      : Object.keys(headers);
  const request = new ProviderRequest({ headers: headers as RequestHeaders }, new Uint8Array());
  const lower = new Set(names.map((name) => name.toLowerCase()));
  return new Map(Array.from(lower, (name) => [name, request.headerValues(name).join(', ')]));
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

function failed(reason: DecodeProblem, detail: string): Failed {
  return { ok: false, reason, detail };
}
