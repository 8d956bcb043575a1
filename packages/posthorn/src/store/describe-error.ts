// What PostgreSQL said about a user's statement, for its owner. Its `detail` is left out: it repeats rows.

/** One sentence without its end. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' ? `${error.message} (${code})` : error.message;
}
