// Which headers a customer may add to its deliveries. Framing, identity and signature headers belong to the sender.

const customHeadersMax = 20;
const customHeadersMaxBytes = 8 * 1024;
const customHeaderValueMaxChars = 4096;
const customHeaderNameMaxChars = 256;

const framing = 'it frames the request and is set by the sender';
const signature = 'it belongs to the signature of the delivery';
const identity = 'it is set by the sender';
const content = 'it describes the content, which is the message and nothing else';
const caching = 'it says how long an answer may be kept, and a delivery is no answer';
const cloud = 'networks of cloud providers trust it';
const tracing = 'it carries trace context, which the sender sets itself';

const forbiddenNames: ReadonlyMap<string, string> = new Map([
  ['host', 'it must be the host of the endpoint URL'],
  ['connection', framing],
  ['content-length', framing],
  ['content-type', identity],
  ['content-encoding', framing],
  ['content-language', content],
  ['content-location', content],
  ['transfer-encoding', framing],
  ['te', framing],
  ['trailer', framing],
  ['trailers', framing],
  ['upgrade', framing],
  ['http2-settings', framing],
  ['expect', framing],
  ['keep-alive', framing],
  ['accept-encoding', identity],
  ['user-agent', identity],
  ['date', identity],
  ['forwarded', 'it would name another client than the sender'],
  ['via', 'it would name another client than the sender'],
  ['content-digest', signature],
  ['signature', signature],
  ['signature-input', signature],
  ['age', caching],
  ['cache-control', caching],
  ['clear-site-data', caching],
  ['expires', caching],
  ['pragma', caching],
  ['warning', caching],
  ['traceparent', tracing],
  ['tracestate', tracing],
  ['baggage', tracing],
]);

const forbiddenPrefixes: readonly (readonly [prefix: string, why: string])[] = [
  ['proxy-', 'it is meant for a proxy, not for the receiver'],
  ['webhook-', signature],
  ['svix-', signature],
  ['x-svix-', signature],
  ['ce-', 'it is a CloudEvents attribute, set by the sender'],
  ['sec-', 'it is reserved for browsers'],
  ['access-control-', 'it is reserved for browsers'],
  ['x-forwarded-', 'it would name another client than the sender'],
  ['x-amz-', cloud],
  ['x-amzn-', cloud],
  ['x-google', cloud],
  ['x-goog-', cloud],
  ['x-gfe', cloud],
  ['x-azure-', cloud],
  ['x-fd-', cloud],
];

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const visibleAscii = /^[\x20-\x7e\t]*$/;

/** Why a customer may not set this header, as a sentence part that follows its name; `undefined` when it may. */
export function forbiddenHeaderReason(name: string): string | undefined {
  if (!token.test(name)) return 'it is not a valid header name';
  if (name.length > customHeaderNameMaxChars)
    return `it is longer than ${customHeaderNameMaxChars} characters`;
  const lower = name.toLowerCase();
  return forbiddenNames.get(lower) ?? forbiddenPrefixes.find(([prefix]) => lower.startsWith(prefix))?.[1];
}

/** Why this value cannot be sent, or `undefined` when it can. Only visible ASCII, space and tab: no line can be forged. */
export function checkHeaderValue(value: string): string | undefined {
  if (value.length > customHeaderValueMaxChars)
    return `is longer than ${customHeaderValueMaxChars} characters`;
  return visibleAscii.test(value) ? undefined : 'may hold only visible ASCII characters, spaces and tabs';
}

/** The first problem in a whole set of custom headers, naming the header; `undefined` when all may be sent. */
export function checkCustomHeaders(headers: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(headers);
  if (entries.length > customHeadersMax) return `at most ${customHeadersMax} custom headers are allowed`;
  const seen = new Set<string>();
  let bytes = 0;
  for (const [name, value] of entries) {
    const forbidden = forbiddenHeaderReason(name);
    if (forbidden) return `header ${JSON.stringify(name)} cannot be set: ${forbidden}`;
    const wrongValue = checkHeaderValue(value);
    if (wrongValue) return `the value of header ${name} ${wrongValue}`;
    if (seen.has(name.toLowerCase())) return `header ${name} is given twice (names ignore case)`;
    seen.add(name.toLowerCase());
    bytes += name.length + value.length;
  }
  return bytes > customHeadersMaxBytes
    ? `custom headers are larger than ${customHeadersMaxBytes} bytes`
    : undefined;
}

/** The names under which a delivery carries its signature, when they are the endpoint's own. */
export interface SignatureHeaders {
  id: string;
  timestamp: string;
  signature: string;
}

const setByServer: ReadonlyMap<string, string> = new Map([
  ['accept', identity],
  ['authorization', 'it is for authentication; use another name'],
  ['cookie', 'it is for authentication; use another name'],
]);

/** Each of the names that cannot be used, with the reason, as a sentence part that follows the name; empty when all can. */
export function signatureHeaderProblems(
  names: SignatureHeaders,
): [part: keyof SignatureHeaders, why: string][] {
  const seen = new Set<string>();
  const problems: [keyof SignatureHeaders, string][] = [];
  for (const part of ['id', 'timestamp', 'signature'] as const) {
    const lower = names[part].toLowerCase();
    const why =
      forbiddenHeaderReason(lower) ??
      setByServer.get(lower) ??
      (seen.has(lower) ? 'it is given twice (names ignore case)' : undefined);
    seen.add(lower);
    if (why !== undefined) problems.push([part, why]);
  }
  return problems;
}
