// The one error of the embedded server: what went wrong and what the operator can do, for the terminal.

/** Thrown when the embedded PostgreSQL cannot be used. The first line of `message` is complete by itself. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

/** The `code` of a system error (`ENOENT`) or of a PostgreSQL error (`57P03`), else undefined. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The message of anything that was thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
