// `posthorn serve`: production. JSON log on stderr, private addresses refused.
import { pino } from 'pino';
import type { Config } from '../config.ts';
import { loggedError } from '../lib/log-error.ts';
import { version } from '../lib/version.ts';
import { type Io, writeJson } from './io.ts';
import { runServer } from './run-server.ts';

const stderrFd = 2;

export async function runServe(config: Config, io: Io): Promise<number> {
  const log = pino(
    { level: config.logLevel, base: { pid: io.pid }, serializers: { err: loggedError } },
    pino.destination({ fd: stderrFd, sync: true }),
  );
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
