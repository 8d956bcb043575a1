// What the process exits with: documented in docs/cli.md, and the same for every command.

export const exitCodes = {
  ok: 0,
  /** Something unexpected, or a negative verdict (`verify`, `send --wait`). */
  failure: 1,
  /** Wrong arguments or configuration. */
  usage: 2,
  auth: 3,
  notFound: 4,
  /** The other side refuses: a conflict, or a value that is not valid. */
  refused: 5,
  /** Server or database cannot be reached, or cannot answer now. */
  unreachable: 6,
  timeout: 7,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
