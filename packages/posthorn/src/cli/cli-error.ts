// The one error that commands throw on purpose.
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';

/** `code` is stable and for programs; the message says what, without a full stop; `fix` what to do about it. */
export class CliError extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly fix: string | undefined;
  constructor(
    exitCode: ExitCode,
    code: string,
    message: string,
    options: { fix?: string; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.code = code;
    this.fix = options.fix;
  }
}

export function usageError(message: string, fix: string): CliError {
  return new CliError(exitCodes.usage, 'usage', message, { fix });
}

/** Wrong configuration: every problem is one line that holds its own fix. */
export class ConfigurationError extends CliError {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(exitCodes.usage, 'invalid_configuration', `the configuration has ${count}`, {
      fix: problems.join('; '),
    });
    this.problems = problems;
  }
}
