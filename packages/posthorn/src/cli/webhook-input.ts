// What verify and sign read: secrets, settings and times from the command line, a request from stdin.
import { usageError } from './cli-error.ts';
import { parseHeader, readHttpRequest } from './http-request.ts';
import { readStdin, writeNote } from './io.ts';
import type { Io } from './io.ts';

export interface SecretOptions {
  secret?: string[];
  /** Names of environment variables. */
  secretEnv?: string[];
}

export interface ReceivedOptions {
  /** `name: value` each; without any, stdin is a whole request. */
  header?: string[];
  url?: string;
}

/** A request as it was saved. Without a URL when it does not say its host. */
export interface SavedRequest {
  headers: Record<string, string[]>;
  body: Uint8Array;
  method: string;
  url: string | undefined;
}

export const requestMaxBytes = 26 * 1024 * 1024;

/** Those of the command line first. Throws a usage error when there is none. */
export function readSecrets({ secret = [], secretEnv = [] }: SecretOptions, io: Io): string[] {
  const named = secretEnv.map((name) => {
    const value = io.env[name];
    if (value === undefined || value === '')
      throw usageError(`--secret-env ${name} is not set`, `set the environment variable ${name}`);
    return value;
  });
  const secrets = [...secret, ...named];
  if (secrets.length > 0) return secrets;
  throw usageError(
    "required option '--secret <secret>' not specified",
    'pass --secret, or --secret-env with the name of a variable that holds it',
  );
}

/** `name=value` each. */
export function readSettings(lines: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const mark = line.indexOf('=');
      if (mark <= 0) throw usageError(`--setting '${line}' has no value`, "write it as 'name=value'");
      return [line.slice(0, mark), line.slice(mark + 1)];
    }),
  );
}

export function wholeSeconds(flag: string, text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw usageError(`${flag} ${text} is not a whole number of seconds`, `give ${flag} in digits only`);
}

export function readHeaders(lines: readonly string[]): Record<string, string[]> {
  const headers = Object.create(null) as Record<string, string[]>;
  for (const line of lines) {
    const header = parseHeader(line);
    if (header === undefined)
      throw usageError(`--header '${line}' is not a header`, "write it as 'name: value'");
    (headers[header.name] ??= []).push(header.value);
  }
  return headers;
}

/** Kept as it is written: some providers sign its very characters. */
export function readUrl(url: string): string {
  if (/^https?:\/\//i.test(url) && URL.canParse(url)) return url;
  throw usageError(`--url ${url} is no absolute URL`, 'write it like https://example.com/hook');
}

/** The request on stdin: whole, or only its body when headers were given. */
export async function readSavedRequest(options: ReceivedOptions, io: Io): Promise<SavedRequest> {
  const { header, url } = options;
  const given = url === undefined ? undefined : readUrl(url);
  if (header === undefined) {
    const request = await requestFromStdin(io);
    return { ...request, url: given ?? request.url };
  }
  const headers = readHeaders(header);
  return { headers, body: await readStdin(io, 'body', requestMaxBytes), method: 'POST', url: given };
}

async function requestFromStdin(io: Io): Promise<SavedRequest> {
  const read = readHttpRequest(await readStdin(io, 'HTTP request', requestMaxBytes));
  if (!read.ok) {
    throw usageError(
      `stdin holds no HTTP request: ${read.reason}`,
      "pipe one in, or pipe in the body and name the headers with --header 'name: value'",
    );
  }
  for (const warning of read.request.warnings) writeNote(io, `warning: ${warning}`);
  return read.request;
}
