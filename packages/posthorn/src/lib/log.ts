// The shape of a logger that the code asks for; pino fits it.

/** `fields` first, then the message; never secrets, never payloads. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
