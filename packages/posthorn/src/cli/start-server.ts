// Starts the server in this process, and says in the command line's words why it does not start.
import type { Config } from '../config.ts';
import { type RunningServer, type ServerOptions, startServer } from '../server.ts';
import { WrongSecretKeyError } from '../store/secret-box.ts';
import { CliError } from './cli-error.ts';
import { withDatabaseErrors } from './database-access.ts';
import { exitCodes } from './exit-codes.ts';

/** What there is to tell about a running server, in whichever process it runs. */
export type ServerFacts = Omit<RunningServer, 'stop'>;

/** Throws `CliError` when the port or the database refuses. */
export async function startServerHere(options: ServerOptions): Promise<RunningServer> {
  return withDatabaseErrors(async () => {
    try {
      return await startServer(options);
    } catch (error) {
      throw describeListenError(describeKeyError(error), options.config);
    }
  });
}

function describeKeyError(error: unknown): unknown {
  if (!(error instanceof WrongSecretKeyError)) return error;
  return new CliError(exitCodes.usage, 'wrong_secret_key', error.message, {
    fix: 'set POSTHORN_SECRET_KEY to the one that its other processes, and those before, were started with',
    cause: error,
  });
}

const listenCalls: readonly unknown[] = ['bind', 'listen'];

/** The system's error of listening in words; any other as it is. */
function describeListenError(error: unknown, config: Config): unknown {
  if (!(error instanceof Error) || !listenCalls.includes(Reflect.get(error, 'syscall'))) return error;
  const code: unknown = Reflect.get(error, 'code');
  const where = `${config.host}:${config.port}`;
  if (code === 'EADDRINUSE') {
    return new CliError(exitCodes.refused, 'port_taken', `${where} is used by another program`, {
      fix: 'stop it, or choose another port with --port or PORT',
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return new CliError(
      exitCodes.usage,
      'cannot_listen',
      `this process may not listen on ${where} (${code})`,
      {
        fix: 'choose another address with --host, or a port above 1023 with --port',
        cause: error,
      },
    );
  }
  return error;
}
