// A network that drops packets tells nobody. PostgreSQL would keep the session, with its locks, for two hours and more:
// it asks after 10 s of silence, and gives up after some 20 s, or when what it sent is not taken for 15 s. Without effect
// where the connection is a Unix socket.
const idleSeconds = 10;
const intervalSeconds = 3;
const count = 3;
const unacknowledgedMaxMs = 15_000;

/** For our end of a connection. */
export const keepAlive = { keepAlive: true, keepAliveInitialDelayMillis: idleSeconds * 1000 };

/** For the other end: settings of the session, as `name=value`. */
export const keepAliveSettings = [
  `tcp_keepalives_idle=${idleSeconds}`,
  `tcp_keepalives_interval=${intervalSeconds}`,
  `tcp_keepalives_count=${count}`,
  `tcp_user_timeout=${unacknowledgedMaxMs}`,
];

/** Settings of a session in the form in which it is opened with them. */
export const sessionOptions = (settings: readonly string[]): string =>
  settings.map((setting) => `-c ${setting}`).join(' ');
