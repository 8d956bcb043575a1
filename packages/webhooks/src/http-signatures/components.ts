// The parts of a message that a signature covers (RFC 9421 section 2), and the text that is signed.
import { encodeBase64 } from '../base64.ts';
import { ProviderRequest } from '../provider/request.ts';
import type { RequestHeaders } from '../signature-headers.ts';
import type { MessageBody } from './content-digest.ts';
import { parseDictionary, serializeInnerList, serializeItem } from './structured-fields.ts';
import type { InnerList, Item, Parameters } from './structured-fields.ts';

/** A request has `method` and `url` (absolute), a response `status` and, where the signature covers it, its `request`. */
export type HttpMessage = {
  readonly headers: RequestHeaders;
  readonly body?: MessageBody;
  readonly method?: string;
  readonly url?: string;
  readonly status?: number;
  readonly request?: HttpMessage;
};

/** Says what is missing, or cannot be signed. */
export class ComponentError extends Error {
  override readonly name = 'ComponentError';
  constructor(message: string) {
    // A sender's names are in it.
    super(message.slice(0, messageMaxChars));
  }
}

type QueryParameters = ReadonlyMap<string, readonly string[]>;

const messageMaxChars = 200;
const queries = new WeakMap<HttpMessage, { readonly query: string; readonly byName: QueryParameters }>();
const urlParts = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/?#]*@)?([^/?#]*)([^?#]*)(\?[^#]*)?/i;
const defaultPorts: Readonly<Record<string, string>> = { http: '80', https: '443' };
const fieldName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const blanks = ' \t\r\n';
/** Of a value that goes on in another line, which is obsolete: the line end before a blank. */
const foldStart = /\r?\n(?=[ \t])/;
const signableText = /^[\x20-\x7e]*$/;

/** The text that is signed. Throws `ComponentError` when the message lacks a component that is listed. */
export function signatureBase(message: HttpMessage, covered: InnerList): string {
  const seen = new Set<string>();
  const lines = covered.items.map((item) => {
    const identifier = serializeItem(item);
    if (seen.has(identifier)) throw new ComponentError(`${identifier} is covered twice`);
    seen.add(identifier);
    return `${identifier}: ${valueOf(item, message)}`;
  });
  return [...lines, `"@signature-params": ${serializeInnerList(covered)}`].join('\n');
}

function valueOf({ item, parameters }: Item, message: HttpMessage): string {
  if (item.type !== 'string') throw new ComponentError('a component is no string');
  const { value: name } = item;
  if (isSet(parameters, 'req')) {
    if (message.request === undefined) throw new ComponentError(`the request is missing, for ${name}`);
    const { request } = message;
    return valueOf({ item, parameters: without(parameters, 'req') }, request);
  }
  const value = name.startsWith('@')
    ? derivedValue(name, parameters, message)
    : fieldValue(name, parameters, message);
  if (!signableText.test(value)) throw new ComponentError(`${name} holds characters that cannot be signed`);
  return value;
}

function fieldValue(name: string, parameters: Parameters, { headers }: HttpMessage): string {
  if (!fieldName.test(name)) throw new ComponentError(`${JSON.stringify(name)} is no name of a field`);
  const values = new ProviderRequest({ headers }, new Uint8Array())
    .headerValues(name)
    .map((value) => trimmed(value).split(foldStart).map(trimmed).join(' '));
  if (values.length === 0) throw new ComponentError(`${name} is missing`);
  onlyKnown(name, parameters, ['key', 'bs']);
  if (isSet(parameters, 'bs')) {
    if (parameters.size > 1) throw new ComponentError(`${name} cannot have key and bs`);
    return values.map((value) => `:${encodeBase64(latin1Bytes(value))}:`).join(', ');
  }
  const key = parameters.get('key');
  return key === undefined ? values.join(', ') : memberValue(name, key.value, values);
}

/** Blanks and line ends alone: any other white space belongs to the value. In one pass, however many blanks there are. */
function trimmed(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && blanks.includes(text[start] ?? '')) start += 1;
  while (start < end && blanks.includes(text[end - 1] ?? '')) end -= 1;
  return text.slice(start, end);
}

function memberValue(name: string, key: unknown, values: readonly string[]): string {
  const member = typeof key === 'string' ? parseDictionary(values.join(', '))?.get(key) : undefined;
  if (member === undefined) throw new ComponentError(`${name} has no such member`);
  return 'item' in member ? serializeItem(member) : serializeInnerList(member);
}

function derivedValue(name: string, parameters: Parameters, message: HttpMessage): string {
  onlyKnown(name, parameters, name === '@query-param' ? ['name'] : []);
  if (name === '@status') return defined(message.status, name).toString();
  if (name === '@method') return defined(message.method, name);
  const url = defined(message.url, name);
  const [, scheme, authority, path, query] = urlParts.exec(url) ?? [];
  if (scheme === undefined || authority === undefined || path === undefined)
    throw new ComponentError(`the url is not absolute, for ${name}`);
  switch (name) {
    case '@target-uri':
      return url.split('#', 1)[0] ?? '';
    case '@scheme':
      return scheme.toLowerCase();
    case '@authority':
      return authorityOf(authority.toLowerCase(), scheme.toLowerCase());
    case '@path':
      return path || '/';
    case '@query':
      return query ?? '?';
    case '@request-target':
      return (path || '/') + (query ?? '');
    case '@query-param':
      return queryParameter(parameters, parametersOf(message, query ?? ''));
    default:
      throw new ComponentError(`${name} is not known`);
  }
}

function authorityOf(authority: string, scheme: string): string {
  const port = `:${defaultPorts[scheme]}`;
  return authority.endsWith(port) ? authority.slice(0, -port.length) : authority;
}

/** A parameter that is there twice cannot be signed by its name. */
function queryParameter(parameters: Parameters, byName: QueryParameters): string {
  const name = parameters.get('name');
  if (name?.type !== 'string') throw new ComponentError('@query-param has no name');
  const values = byName.get(name.value) ?? [];
  const [value] = values;
  if (value === undefined || values.length > 1)
    throw new ComponentError(`the query has ${values.length} parameters of that name`);
  return value;
}

/** Taken apart once for all the signatures of a message, each of which may name dozens of them. */
function parametersOf(message: HttpMessage, query: string): QueryParameters {
  const known = queries.get(message);
  if (known?.query === query) return known.byName;
  const byName = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(query)) {
    const name = formEncoded(key);
    const values = byName.get(name);
    if (values === undefined) byName.set(name, [formEncoded(value)]);
    else values.push(formEncoded(value));
  }
  queries.set(message, { query, byName });
  return byName;
}

/** Percent-encoding as forms have it, but with %20 for a blank. */
function formEncoded(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function defined<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new ComponentError(`the message has no ${name.slice(1)}`);
  return value;
}

function isSet(parameters: Parameters, name: string): boolean {
  const item = parameters.get(name);
  if (item === undefined) return false;
  if (item.type !== 'boolean' || !item.value) throw new ComponentError(`${name} is no flag`);
  return true;
}

function without(parameters: Parameters, name: string): Parameters {
  return new Map([...parameters].filter(([key]) => key !== name));
}

/** What is not understood must not be passed over: it would change what is signed. */
function onlyKnown(name: string, parameters: Parameters, known: readonly string[]): void {
  const unknown = [...parameters.keys()].find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new ComponentError(`${name} has the parameter ${unknown}, which is not supported`);
}

function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
