// One parser per kind of setting: text in, value or the reason and the fix out. They never throw and never repeat
// the text, which may be a secret: whoever prints the problem decides what of it is shown.
import { isIP } from 'node:net';
import { isAbsolute, resolve } from 'node:path';
import { parseSubnets } from './core/address.ts';
import type { Subnet } from './core/address.ts';

export type Parsed<T> = { ok: true; value: T } | { ok: false; reason: string; fix: string };
/** `cwd` is the folder that relative paths start from. */
export type Parser<T> = (text: string, cwd: string) => Parsed<T>;

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const scheduleEntriesMax = 50;
const scheduleEntryMaxSeconds = 604_800;
const secretKeyBytes = 32;
const subnetsMax = 256;
const pathMaxChars = 4_096;
const hostMaxChars = 253;
const tokenMinChars = 16;
const tokenMaxChars = 256;
const millisecondsPerSecond = 1_000;

/** Prints one: works in every shell that has Node. */
export const makeSecretKeyCommand = `node -p "crypto.randomBytes(${secretKeyBytes}).toString('base64')"`;

function good<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

function bad(reason: string, fix: string): { ok: false; reason: string; fix: string } {
  return { ok: false, reason, fix };
}

export function wholeNumber(min: number, max: number): Parser<number> {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,15}$/.test(text)) return bad('not a whole number', `give a number from ${min} to ${max}`);
    if (value < min || value > max) return bad('out of range', `give a number from ${min} to ${max}`);
    return good(value);
  };
}

/** Seconds in the text, milliseconds in the value. */
export function secondsAsMs(min: number, max: number): Parser<number> {
  return (text) => {
    const seconds = readSeconds(text);
    const fix = `give seconds from ${min} to ${max}, such as 20 or 2.5`;
    if (seconds === undefined) return bad('not a number of seconds', fix);
    if (seconds < min || seconds > max) return bad('out of range', fix);
    return good(Math.round(seconds * millisecondsPerSecond));
  };
}

function readSeconds(text: string): number | undefined {
  return /^\d{1,9}(?:\.\d{1,3})?$/.test(text) ? Number(text) : undefined;
}

/** Seconds before each attempt, comma-separated. */
export const retrySchedule: Parser<number[]> = (text) => {
  const fix = `give 1 to ${scheduleEntriesMax} delays in seconds from 0 to ${scheduleEntryMaxSeconds}, such as 0,5,300,1800`;
  const entries = text.split(',').map((entry) => entry.trim());
  if (entries.length > scheduleEntriesMax) return bad(`${entries.length} delays are too many`, fix);
  const seconds: number[] = [];
  for (const [index, entry] of entries.entries()) {
    const value = readSeconds(entry);
    if (value === undefined) return bad(`delay ${index + 1} is not a number of seconds`, fix);
    if (value > scheduleEntryMaxSeconds) return bad(`delay ${index + 1} is longer than a week`, fix);
    seconds.push(value);
  }
  return good(seconds);
};

export const flagValue: Parser<boolean> = (text) => {
  const word = text.toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(word)) return good(true);
  if (['false', '0', 'no', 'off'].includes(word)) return good(false);
  return bad('neither true nor false', 'give true or false');
};

export const logLevel: Parser<LogLevel> = (text) => {
  const level = logLevels.find((known) => known === text.toLowerCase());
  return level === undefined ? bad('unknown level', `give one of ${logLevels.join(', ')}`) : good(level);
};

const hostName = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*$/;

export const listenHost: Parser<string> = (text) => {
  const fix =
    'give an address or a host name of this machine without scheme and port, such as 127.0.0.1 or ::';
  if (isIP(text) !== 0) return good(text);
  // What is made of digits and dots only is a mistyped address, not a name.
  if (text.length > hostMaxChars || !hostName.test(text) || /^[\d.]+$/.test(text)) {
    return bad('neither an IP address nor a host name', fix);
  }
  return good(text);
};

/** Scheme, host and port, and perhaps a path that a proxy takes off; without a slash at its end. */
export const origin: Parser<string> = (text) => {
  const fix = 'give the URL of this server as others see it, such as https://hooks.example.com';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) return bad('not an http(s) URL', fix);
  if (url.username !== '' || url.password !== '') return bad('holds a user or a password', fix);
  if (url.search !== '' || url.hash !== '') return bad('holds a query or a fragment', fix);
  return good(url.href.replace(/\/+$/, ''));
};

function path(fix: string): Parser<string> {
  return (text, cwd) => {
    if (text.includes('\0')) return bad('a path cannot hold a NUL character', fix);
    if (text.length > pathMaxChars) return bad(`longer than ${pathMaxChars} characters`, fix);
    return good(resolve(cwd, text));
  };
}

export const folder = path('give the path of a folder, such as .posthorn');

export const file = path('give the path of a file, such as posthorn.yaml');

export const bearerToken: Parser<string> = (text) => {
  const fix = `give ${tokenMinChars} to ${tokenMaxChars} unguessable letters, digits and -._~+/=`;
  if (text.length < tokenMinChars) return bad(`shorter than ${tokenMinChars} characters`, fix);
  if (text.length > tokenMaxChars) return bad(`longer than ${tokenMaxChars} characters`, fix);
  return /^[A-Za-z0-9._~+/=-]+$/.test(text)
    ? good(text)
    : bad('holds characters that no bearer token has', fix);
};

export const secretKey: Parser<Uint8Array> = (text) => {
  const bytes = decodeKey(text);
  if (bytes?.length === secretKeyBytes) return good(bytes);
  const reason = bytes === undefined ? 'neither base64 nor hex' : `${bytes.length} bytes long`;
  return bad(reason, `give ${secretKeyBytes} random bytes; this command makes them: ${makeSecretKeyCommand}`);
};

function decodeKey(text: string): Uint8Array | undefined {
  // 64 hex digits are also base64, for 48 bytes: nobody means that.
  if (/^[0-9A-Fa-f]{64}$/.test(text)) return new Uint8Array(Buffer.from(text, 'hex'));
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined;
  return new Uint8Array(Buffer.from(text, 'base64'));
}

export const allowedSubnets: Parser<Subnet[]> = (text) => {
  const count = text.split(',').length;
  const fix = 'give CIDR blocks parted by commas, such as 10.1.0.0/16,fd00:1::/32';
  if (count > subnetsMax) return bad(`${count} blocks are more than ${subnetsMax}`, fix);
  const { subnets, errors } = parseSubnets(text);
  const [first] = errors;
  if (first === undefined) return good(subnets);
  return bad(errors.length === 1 ? first : `${first} (and ${errors.length - 1} more)`, fix);
};

const itemsMax = 256;

/** Comma-separated; `fix` says what each item must be. */
function listOf(fix: string, isItem: (text: string) => boolean): Parser<string[]> {
  return (text) => {
    const items = text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
    if (items.length > itemsMax) return bad(`${items.length} are more than ${itemsMax}`, fix);
    const wrong = items.findIndex((item) => !isItem(item));
    return wrong < 0 ? good(items) : bad(`number ${wrong + 1} cannot be used`, fix);
  };
}

const isPath = (text: string) => isAbsolute(text) && resolve(text) === text && !text.includes('\0');

export const executables = listOf('give absolute paths of executables, parted by commas', isPath);

export const files = listOf('give absolute paths of files, parted by commas', isPath);

// The schemas of PostgreSQL and of Posthorn are never open.
export const ownTables = listOf(
  'give schema.table, or schema.* for all of a schema, parted by commas; not of posthorn, pg_catalog or information_schema',
  (text) =>
    /^[A-Za-z_]\w*\.(?:\*|[A-Za-z_]\w*)$/.test(text) &&
    !/^(?:posthorn|pg_\w*|information_schema)\./i.test(text),
);

/** `@/` (a user, no host: a socket) is legal for PostgreSQL, and no URL. */
function asUrl(text: string): URL | undefined {
  const url = text.replace('@/', '@localhost/');
  return URL.canParse(url) ? new URL(url) : undefined;
}

function isPostgres(url: URL): boolean {
  return url.protocol === 'postgres:' || url.protocol === 'postgresql:';
}

export const postgresUrl: Parser<string> = (text) => {
  const fix = 'give postgres://user:password@host:5432/database, with reserved characters percent-encoded';
  const url = asUrl(text);
  if (url === undefined) return bad('not a URL', fix);
  if (!isPostgres(url)) return bad('not a PostgreSQL URL', fix);
  if (/\s/.test(text)) return bad('holds white space', fix);
  try {
    for (const part of [url.username, url.password, url.pathname]) decodeURIComponent(part);
  } catch {
    return bad('holds a % that encodes nothing', fix);
  }
  return good(text);
};

/** The URL without its passwords; `***` for what cannot be told apart from one. */
export function redactDatabaseUrl(text: string): string {
  const url = asUrl(text);
  if (url === undefined || !isPostgres(url)) return '***';
  // An unencoded / or ? in a password ends the host part early and leaves the rest of it behind.
  const { password } = url;
  const afterHost = url.pathname + url.search + url.hash;
  if (afterHost.includes('@')) return '***';
  if (password !== '') url.password = '***';
  for (const name of ['password', 'sslpassword']) {
    if (url.searchParams.has(name)) url.searchParams.set(name, '***');
  }
  return text.includes('@/') ? url.href.replace('@localhost/', '@/') : url.href;
}
