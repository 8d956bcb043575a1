// `posthorn serve`: production. JSON log on stderr, private addresses refused.
import { type Logger, pino } from 'pino';
import type { Config } from '../config.ts';
import { version } from '../lib/version.ts';
import { type Io, writeJson } from './io.ts';
import { runServer } from './run-server.ts';

const stderrFd = 2;

export async function runServe(config: Config, io: Io): Promise<number> {
  const { log } = serveParts(config, io);
  return runServer(config, io, {
    log,
    async onReady({ server, embeddedIn }) {
      const ready = {
        version,
        url: server.url,
        database: `PostgreSQL ${server.databaseVersion}${embeddedIn === undefined ? '' : `, embedded, in ${embeddedIn}`}`,
      };
      log.info(ready, 'ready');
      if (io.json) writeJson(io, ready);
    },
  });
}

/** What a production server needs of its process. */
export function serveParts(config: Config, io: Io): { log: Logger } {
  const log = pino(
    { level: config.logLevel, base: { pid: io.pid } },
    pino.destination({ fd: stderrFd, sync: true }),
  );
  return { log };
}
