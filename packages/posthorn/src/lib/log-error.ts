// Errors as they are logged: what happened and where, without the data. A PostgreSQL error carries the row it refused.

/** For pino's `serializers.err`. */
export function loggedError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack } = error;
  const code: unknown = Reflect.get(error, 'code');
  return { name, message, stack, ...(code === undefined ? {} : { code }) };
}
