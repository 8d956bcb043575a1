// The database for commands that work on it directly: the configured one, or that of the running `posthorn dev`.
import type { Config } from '../config.ts';
import { isDatabaseUnavailable } from '../store/availability.ts';
import { CliError, usageError } from './cli-error.ts';
import { readDevState } from './dev-state.ts';
import { exitCodes } from './exit-codes.ts';

/** Throws `CliError` (usage) when there is neither. */
export async function findDatabaseUrl(config: Config): Promise<string> {
  if (config.databaseUrl !== undefined) return config.databaseUrl;
  const running = await readDevState(config.dataDir);
  if (running?.databaseUrl !== undefined) return running.databaseUrl;
  throw usageError(
    'there is no database to work on',
    'set DATABASE_URL to postgres://user:password@host:5432/database, or start posthorn dev in this folder',
  );
}

// SQLSTATE class 28, and 3D000: PostgreSQL refuses the user, or has no such database.
const refusedLogin = /^28/;
const unknownDatabase = '3D000';
const missingTable = '42P01';

/** Runs `work`, and says in the command line's words what PostgreSQL refused. */
export async function withDatabaseErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw describeDatabaseError(error);
  }
}

function describeDatabaseError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CliError) return error;
  const state: unknown = Reflect.get(error, 'code');
  const code = typeof state === 'string' ? state : '';
  if (refusedLogin.test(code)) {
    return new CliError(
      exitCodes.auth,
      'database_refused',
      `PostgreSQL refuses the login: ${error.message}`,
      {
        fix: 'correct the user and the password in DATABASE_URL',
        cause: error,
      },
    );
  }
  if (code === unknownDatabase) {
    return new CliError(exitCodes.notFound, 'database_missing', error.message, {
      fix: 'create the database, or correct its name in DATABASE_URL',
      cause: error,
    });
  }
  if (code === missingTable) {
    return new CliError(exitCodes.refused, 'not_migrated', 'the database has no Posthorn tables yet', {
      fix: 'run posthorn migrate',
      cause: error,
    });
  }
  if (isDatabaseUnavailable(error) || code.startsWith('E')) {
    const what = error.message === '' ? code : error.message;
    return new CliError(
      exitCodes.unreachable,
      'database_unreachable',
      `PostgreSQL cannot be reached: ${what}`,
      {
        fix: 'check that it runs and that DATABASE_URL names its host and port',
        cause: error,
      },
    );
  }
  return error;
}
