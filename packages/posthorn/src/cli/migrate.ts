// `posthorn migrate`: brings the database to this version's schema.
import type { Config } from '../config.ts';
import { migrate } from '../store/migrate.ts';
import { findDatabaseUrl, withDatabaseErrors } from './database-access.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { alignColumns, writeNote, writeResult } from './io.ts';
import type { Io } from './io.ts';

export async function runMigrate(config: Config, io: Io): Promise<ExitCode> {
  const databaseUrl = await findDatabaseUrl(config);
  const log = {
    warn: (fields: object, message: string) => writeNote(io, `${message} ${JSON.stringify(fields)}`),
  };
  const result = await withDatabaseErrors(() => migrate(databaseUrl, { log }));
  const rows = result.migrations.map(({ name, state }) => [state, name]);
  writeResult(io, alignColumns(rows), result);
  const count = result.applied.length;
  if (!io.json) writeNote(io, count === 0 ? 'nothing to do' : `${count} applied`);
  return exitCodes.ok;
}
