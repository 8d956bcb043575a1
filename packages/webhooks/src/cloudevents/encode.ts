// CloudEvents as HTTP messages: binary, structured and batched mode.
import { encodeDataBase64 } from './data-base64.ts';
import { attributesOf, isJsonType, isUtf8Type, problemOf, specVersion } from './event.ts';
import type { CloudEvent } from './event.ts';
import { encodeHeaderValue } from './header-value.ts';

/** Header names are in lower case. */
export type EncodedMessage = {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
};

const encoder = new TextEncoder();

/**
 * The data is the body, the attributes are headers. A signature of the body does not cover them: sign structured ones.
 * Throws `TypeError` for what is no CloudEvent.
 */
export function encodeBinary(event: CloudEvent): EncodedMessage {
  check(event);
  const headers: Record<string, string> = {};
  for (const [name, value] of attributesOf(event)) {
    if (name !== 'datacontenttype') headers[`ce-${name}`] = encodeHeaderValue(String(value));
  }
  const { data, datacontenttype } = event;
  // Without a type, data that is no bytes is JSON, and has to say so outside of JSON.
  const implied = data === undefined || data instanceof Uint8Array ? undefined : 'application/json';
  const contentType = datacontenttype ?? implied;
  if (contentType !== undefined) headers['content-type'] = contentType;
  return { headers, body: dataBytes(event) };
}

/** All of the event is the body, as JSON. Throws `TypeError` for what is no CloudEvent. */
export function encodeStructured(event: CloudEvent): EncodedMessage {
  return jsonMessage('application/cloudevents+json', jsonOf(event));
}

/** Several events in one body; only for receivers that have asked for batches. */
export function encodeBatch(events: readonly CloudEvent[]): EncodedMessage {
  return jsonMessage('application/cloudevents-batch+json', `[${events.map(jsonOf).join(',')}]`);
}

function jsonMessage(mediaType: string, json: string): EncodedMessage {
  const headers = { 'content-type': `${mediaType}; charset=utf-8` };
  return { headers, body: Uint8Array.from(encoder.encode(json)) };
}

function jsonOf(event: CloudEvent): string {
  check(event);
  const attributes = Object.fromEntries(attributesOf(event));
  const { data, datacontenttype } = event;
  if (data === undefined) return JSON.stringify(attributes);
  if (data instanceof Uint8Array)
    return JSON.stringify({ ...attributes, data_base64: encodeDataBase64(data) });
  return JSON.stringify({ ...attributes, data: isJsonType(datacontenttype) ? asJson(data) : asText(event) });
}

function dataBytes(event: CloudEvent): Uint8Array<ArrayBuffer> {
  const { data, datacontenttype } = event;
  if (data === undefined) return new Uint8Array();
  if (data instanceof Uint8Array) return Uint8Array.from(data);
  const text = isJsonType(datacontenttype) ? JSON.stringify(asJson(data)) : asText(event);
  return Uint8Array.from(encoder.encode(text));
}

/** What `JSON.stringify` would leave out or change into null is refused. */
function asJson(data: unknown): unknown {
  if (JSON.stringify(data) === undefined) throw new TypeError('the data is no JSON value');
  return data;
}

function asText({ data, datacontenttype }: CloudEvent): string {
  if (typeof data !== 'string')
    throw new TypeError(`data of ${datacontenttype ?? ''} must be a text or bytes`);
  if (!isUtf8Type(datacontenttype)) throw new TypeError('data in another encoding than UTF-8 must be bytes');
  return data;
}

function check(event: CloudEvent): void {
  const problem = problemOf(event);
  if (problem !== undefined) throw new TypeError(`no CloudEvent ${specVersion}: ${problem}`);
}
