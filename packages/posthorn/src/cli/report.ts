// How any error is told: one line on stderr, or one JSON object on stdout.
import { CliError, ConfigurationError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { writeJson } from './io.ts';
import type { Io } from './io.ts';

/** Tells the error as the user asked for (text on stderr, or JSON on stdout); returns the exit code. */
export function reportError(error: unknown, io: Io): ExitCode {
  const known = error instanceof CliError ? error : unexpected(error);
  if (io.json) writeJson(io, { error: errorObject(known) });
  else for (const line of errorLines(known)) io.stderr.write(`${io.paint('red', 'error:')} ${line}\n`);
  if (io.verbose) io.stderr.write(`${stackOf(error)}\n`);
  return known.exitCode;
}

function unexpected(error: unknown): CliError {
  const message = error instanceof Error ? error.message : String(error);
  return new CliError(exitCodes.failure, 'unexpected', message === '' ? 'something unexpected' : message, {
    fix: 'run it again with --verbose and report what it prints',
    cause: error,
  });
}

function errorObject(error: CliError): object {
  const { code, message, fix = null } = error;
  return error instanceof ConfigurationError
    ? { code, message, fix, problems: error.problems }
    : { code, message, fix };
}

function errorLines(error: CliError): readonly string[] {
  if (error instanceof ConfigurationError) return error.problems;
  const message = error.message.replaceAll(/\s*\n\s*/g, ' ');
  return [error.fix === undefined ? message : `${message}. fix: ${error.fix}`];
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
