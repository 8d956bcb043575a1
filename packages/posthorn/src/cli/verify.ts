// `posthorn verify`: is this request signed with this secret? Offline, on the exact bytes.
import { verify } from '@posthorn/webhooks';
import type { RequestHeaders, Verdict } from '@posthorn/webhooks';
import { systemClock } from '../lib/clock.ts';
import { usageError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { parseHeader, readHttpRequest } from './http-request.ts';
import { readStdin, writeNote, writeResult } from './io.ts';
import type { Io } from './io.ts';

export interface VerifyOptions {
  secret: string[];
  /** `name: value` each; without any, stdin is a whole request. */
  header?: string[];
  /** Unix seconds, as text. */
  at?: string;
  /** Seconds, as text, or `any`. */
  tolerance?: string;
}

interface SignedRequest {
  headers: RequestHeaders;
  body: Uint8Array;
}

const requestMaxBytes = 26 * 1024 * 1024;
const millisecondsPerSecond = 1_000;
const toleranceDefaultSeconds = 300;

export async function runVerify(options: VerifyOptions, io: Io): Promise<ExitCode> {
  const at = options.at === undefined ? undefined : wholeSeconds('--at', options.at);
  const tolerance = readTolerance(options.tolerance);
  const request =
    options.header === undefined ? await requestFromStdin(io) : await bodyFromStdin(options.header, io);
  const verdict = await verify({
    ...request,
    secrets: options.secret,
    toleranceSeconds: tolerance,
    now: () => (at === undefined ? systemClock.now() : at * millisecondsPerSecond),
    bodyMaxBytes: requestMaxBytes,
  });
  if (!verdict.ok && verdict.reason === 'misconfigured') {
    throw usageError(verdict.detail, 'pass the secret as it was given to the receiver: whsec_… or whpk_…');
  }
  writeResult(io, sentence(verdict), verdict);
  return verdict.ok ? exitCodes.ok : exitCodes.failure;
}

function sentence(verdict: Verdict): string {
  if (!verdict.ok) return `not valid: ${verdict.detail} (${verdict.reason})`;
  const { id, timestamp } = verdict;
  return `valid: ${id} was signed with this secret at ${timestamp} (Unix seconds)`;
}

function wholeSeconds(flag: string, text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw usageError(`${flag} ${text} is not a whole number of seconds`, `give ${flag} in digits only`);
}

function readTolerance(text: string | undefined): number | 'any-age' {
  if (text === undefined) return toleranceDefaultSeconds;
  return text === 'any' ? 'any-age' : wholeSeconds('--tolerance', text);
}

async function bodyFromStdin(lines: readonly string[], io: Io): Promise<SignedRequest> {
  const headers = Object.create(null) as Record<string, string[]>;
  for (const line of lines) {
    const header = parseHeader(line);
    if (header === undefined)
      throw usageError(`--header '${line}' is not a header`, "write it as 'name: value'");
    (headers[header.name] ??= []).push(header.value);
  }
  return { headers, body: await readStdin(io, 'body', requestMaxBytes) };
}

async function requestFromStdin(io: Io): Promise<SignedRequest> {
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
