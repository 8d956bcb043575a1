// Reads a raw HTTP/1.1 request from bytes: the head as text, the body as the very bytes.

export interface RawRequest {
  method: string;
  /** https, as a saved request does not say: the URL of the target, or of the Host header and the target. */
  url: string | undefined;
  /** Lower-case names; a header that came twice has two values. */
  headers: Record<string, string[]>;
  body: Uint8Array;
  /** What a reader should know, such as a body that is cut short. */
  warnings: string[];
}

export type ReadRequest = { ok: true; request: RawRequest } | { ok: false; reason: string };

const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP\/\d(?:\.\d)?$/;
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** Lines may end with CRLF or, as editors save them, with LF alone. */
export function readHttpRequest(bytes: Buffer): ReadRequest {
  const head = splitHead(bytes);
  if (head === undefined) return { ok: false, reason: 'there is no blank line after the headers' };
  const [first = '', ...lines] = head.lines;
  const [, method, target] = requestLine.exec(first) ?? [];
  if (method === undefined || target === undefined)
    return { ok: false, reason: 'the first line is no request line like POST /path HTTP/1.1' };
  const headers = collectHeaders(lines);
  if (headers === undefined) return { ok: false, reason: 'a header line is not of the form name: value' };
  if (headers['transfer-encoding'] !== undefined) {
    return { ok: false, reason: 'the body has a transfer encoding: save the decoded body instead' };
  }
  const url = urlOf(target, headers.host?.[0]);
  return {
    ok: true,
    request: { method, url, headers, ...cutBody(head.rest, headers['content-length']?.[0]) },
  };
}

function urlOf(target: string, host: string | undefined): string | undefined {
  if (/^https?:\/\//i.test(target)) return target;
  return host === undefined || !target.startsWith('/') ? undefined : `https://${host}${target}`;
}

function splitHead(bytes: Buffer): { lines: string[]; rest: Buffer } | undefined {
  const lines: string[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(lineFeed, start);
    if (end === -1) return undefined;
    const line = bytes.subarray(start, bytes[end - 1] === carriageReturn && end > start ? end - 1 : end);
    start = end + 1;
    if (line.length === 0) return { lines, rest: bytes.subarray(start) };
    lines.push(line.toString('latin1'));
  }
  return undefined;
}

function collectHeaders(lines: readonly string[]): Record<string, string[]> | undefined {
  const headers = Object.create(null) as Record<string, string[]>;
  for (const line of lines) {
    const header = parseHeader(line);
    if (header === undefined) return undefined;
    (headers[header.name] ??= []).push(header.value);
  }
  return headers;
}

/** `name: value`, the name in lower case; undefined when the line is something else. */
export function parseHeader(line: string): { name: string; value: string } | undefined {
  const [, name, value] = headerLine.exec(line) ?? [];
  return name === undefined || value === undefined ? undefined : { name: name.toLowerCase(), value };
}

function cutBody(rest: Buffer, contentLength: string | undefined): { body: Uint8Array; warnings: string[] } {
  if (contentLength === undefined || !/^\d{1,15}$/.test(contentLength)) return { body: rest, warnings: [] };
  const length = Number(contentLength);
  if (rest.length === length) return { body: rest, warnings: [] };
  if (rest.length < length) {
    return {
      body: rest,
      warnings: [`the body has ${rest.length} of the ${length} bytes that content-length announces`],
    };
  }
  const warning = `${rest.length - length} bytes after the ${length} that content-length announces are left out`;
  return { body: rest.subarray(0, length), warnings: [warning] };
}
