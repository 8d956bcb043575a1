// The thread of one SQLite database: SQLite works in the process that asks, and waits there for its disk and its locks.
import { existsSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'libsql';
import type { SqliteAnswer, SqliteJob } from './sqlite.ts';

const file = workerData as string;
let opened: Database.Database | undefined;

function open(): Database.Database {
  // It would be made, empty, at a place that somebody has mistyped.
  if (!existsSync(file)) throw Object.assign(new Error('there is no such file'), { code: 'SQLITE_CANTOPEN' });
  opened ??= new Database(file);
  return opened;
}

function answer({ text, values, lockWaitMs }: SqliteJob): SqliteAnswer {
  try {
    const database = open();
    database.exec(`pragma busy_timeout = ${lockWaitMs}`);
    return { rowCount: database.prepare(text).run(values).changes };
  } catch (error) {
    const code: unknown = Reflect.get(Object(error), 'code');
    return { code: String(code), message: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on('message', (job: SqliteJob) => parentPort?.postMessage(answer(job), []));
