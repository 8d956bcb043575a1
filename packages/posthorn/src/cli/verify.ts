// `posthorn verify`: is this request signed with this secret? Offline, on the exact bytes.
import { verify } from '@posthorn/webhooks';
import type { Verdict } from '@posthorn/webhooks';
import { systemClock } from '../lib/clock.ts';
import { usageError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { writeResult } from './io.ts';
import type { Io } from './io.ts';
import { readSavedRequest, readSecrets, requestMaxBytes, wholeSeconds } from './webhook-input.ts';
import type { ReceivedOptions, SecretOptions } from './webhook-input.ts';

export interface VerifyOptions extends SecretOptions, ReceivedOptions {
  provider?: string;
  /** `name=value` each. */
  setting?: string[];
  /** Unix seconds, as text. */
  at?: string;
  /** Seconds, as text, or `any`. */
  tolerance?: string;
}

const millisecondsPerSecond = 1_000;
const toleranceDefaultSeconds = 300;

export async function runVerify(options: VerifyOptions, io: Io): Promise<ExitCode> {
  const only = (['url', 'setting'] as const).find((name) => options[name] !== undefined);
  if (only !== undefined)
    throw usageError(`--${only} is of use with --provider only`, 'name the provider, or leave it out');
  const secrets = readSecrets(options, io);
  const now = readClock(options.at);
  const toleranceSeconds = readTolerance(options.tolerance) ?? toleranceDefaultSeconds;
  const { headers, body } = await readSavedRequest(options, io);
  const verdict = await verify({
    headers,
    body,
    secrets,
    toleranceSeconds,
    now,
    bodyMaxBytes: requestMaxBytes,
  });
  if (!verdict.ok && verdict.reason === 'misconfigured') {
    throw usageError(verdict.detail, 'pass the secret as it was given to the receiver: whsec_… or whpk_…');
  }
  writeResult(io, sentence(verdict), verdict);
  return verdict.ok ? exitCodes.ok : exitCodes.failure;
}

/** `at` in Unix seconds, or the clock of this machine. */
export function readClock(at: string | undefined): () => number {
  if (at === undefined) return () => systemClock.now();
  const fixedMs = wholeSeconds('--at', at) * millisecondsPerSecond;
  return () => fixedMs;
}

export function readTolerance(text: string | undefined): number | 'any-age' | undefined {
  if (text === undefined) return undefined;
  return text === 'any' ? 'any-age' : wholeSeconds('--tolerance', text);
}

function sentence(verdict: Verdict): string {
  if (!verdict.ok) return `not valid: ${verdict.detail} (${verdict.reason})`;
  const { id, timestamp } = verdict;
  return `valid: ${id} was signed with this secret at ${timestamp} (Unix seconds)`;
}
