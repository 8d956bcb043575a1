// What the primary and its server processes tell each other over IPC: plain JSON.
//
//   worker                     primary
//     hello ───────────────────▶
//     ◀─────────────────── start    the job
//     ready ───────────────────▶    or failed, and then it ends
//     ◀─────────────── announced    all of them listen, and the user knows
//     ◀──────────────────── stop    gracefully; the end of its process is the answer
import type { Config } from '../config.ts';
import { CliError } from './cli-error.ts';
import type { ExitCode } from './exit-codes.ts';
import type { ServerFacts } from './start-server.ts';

/** The argument that makes a forked process a worker. */
export const workerArgument = 'server-process';

export interface ServerJob {
  config: Config;
  databaseUrl: string;
  /** 32 bytes. */
  secretKey: Uint8Array;
  /** `--json` was given: nothing but the log is written. */
  json: boolean;
  /** Another server works on the database already. */
  isDatabaseKnown: boolean;
}

interface PackedJob {
  config: Omit<Config, 'secretKey'>;
  databaseUrl: string;
  secretKeyBase64: string;
  json: boolean;
  isDatabaseKnown: boolean;
}

export type ToWorker = { kind: 'start'; job: PackedJob } | { kind: 'announced' } | { kind: 'stop' };
export type FromWorker =
  | { kind: 'hello' }
  | { kind: 'ready'; server: ServerFacts }
  | { kind: 'failed'; error: PackedError };

interface PackedError {
  message: string;
  stack: string | undefined;
  /** For a `CliError`. */
  known?: { exitCode: ExitCode; code: string; fix: string | undefined };
}

export function packJob({ config, secretKey, ...job }: ServerJob): PackedJob {
  const { secretKey: _, ...rest } = config;
  return { ...job, config: rest, secretKeyBase64: Buffer.from(secretKey).toString('base64') };
}

export function unpackJob({ secretKeyBase64, ...job }: PackedJob): ServerJob {
  return { ...job, secretKey: Buffer.from(secretKeyBase64, 'base64') };
}

export function packError(error: unknown): PackedError {
  if (!(error instanceof Error)) return { message: String(error), stack: undefined };
  const { message, stack } = error;
  if (!(error instanceof CliError)) return { message, stack };
  const { exitCode, code, fix } = error;
  return { message, stack, known: { exitCode, code, fix } };
}

export function unpackError({ message, stack, known }: PackedError): Error {
  const error =
    known === undefined
      ? new Error(message)
      : new CliError(known.exitCode, known.code, message, known.fix === undefined ? {} : { fix: known.fix });
  if (stack !== undefined) error.stack = stack;
  return error;
}
