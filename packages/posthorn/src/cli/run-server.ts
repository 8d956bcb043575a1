// What `serve` and `dev` share: the database, the secret key, the server, and a stop that finishes what is under way.
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded/cluster.ts';
import { EmbeddedPostgresError } from '../embedded/embedded-error.ts';
import { type RunningServer, type ServerOptions, startServer } from '../server.ts';
import { CliError } from './cli-error.ts';
import { withDatabaseErrors } from './database-access.ts';
import { exitCodes } from './exit-codes.ts';
import { type Io, writeNote } from './io.ts';
import { ensureSecretKey } from './secret-key-file.ts';

const postgresFolder = 'postgres';

export interface Started {
  server: RunningServer;
  databaseUrl: string;
  /** The folder of the embedded PostgreSQL, when it is used. */
  embeddedIn?: string;
}

export interface RunOptions extends Pick<ServerOptions, 'demo' | 'onSettled'> {
  log: Logger;
  /** Runs when the server is ready. */
  onReady(started: Started): Promise<void>;
  /** Runs before it stops. */
  onStop?(): Promise<void>;
}

/** Runs the server until a stop signal; returns the exit code. A second signal does not wait. */
export async function runServer(config: Config, io: Io, options: RunOptions): Promise<number> {
  const stopped = stopSignal(io);
  const embedded = config.databaseUrl === undefined ? await startEmbedded(config, options.log) : undefined;
  try {
    const databaseUrl = config.databaseUrl ?? embedded?.url ?? '';
    const server = await start(config, databaseUrl, io, options);
    await options.onReady({
      server,
      databaseUrl,
      ...(embedded ? { embeddedIn: join(config.dataDir, postgresFolder) } : {}),
    });
    await stopped.first;
    writeNote(io, 'stopping: finishing what is under way (once more to stop at once)');
    const finished = async () => {
      await options.onStop?.();
      await server.stop();
    };
    const code = await Promise.race([finished().then(() => exitCodes.ok), stopped.second]);
    writeNote(
      io,
      code === exitCodes.ok ? 'stopped' : 'stopped at once: what was under way will be sent again',
    );
    return code;
  } finally {
    await embedded?.stop();
  }
}

function stopSignal(io: Io): { first: Promise<void>; second: Promise<typeof exitCodes.interrupted> } {
  let count = 0;
  let onFirst: () => void;
  let onSecond: (code: typeof exitCodes.interrupted) => void;
  const first = new Promise<void>((resolve) => {
    onFirst = resolve;
  });
  const second = new Promise<typeof exitCodes.interrupted>((resolve) => {
    onSecond = resolve;
  });
  io.onSignal(() => {
    count += 1;
    if (count === 1) onFirst();
    else onSecond(exitCodes.interrupted);
  });
  return { first, second };
}

async function startEmbedded(config: Config, log: Logger): Promise<EmbeddedPostgres> {
  try {
    return await startEmbeddedPostgres({ dataDir: join(config.dataDir, postgresFolder), log });
  } catch (cause) {
    if (!(cause instanceof EmbeddedPostgresError)) throw cause;
    throw new CliError(exitCodes.unreachable, 'embedded_postgres', cause.message, { cause });
  }
}

async function start(
  config: Config,
  databaseUrl: string,
  io: Io,
  options: RunOptions,
): Promise<RunningServer> {
  const secretKey = config.secretKey ?? (await ensureSecretKey(config.dataDir));
  const { log, demo, onSettled } = options;
  try {
    return await withDatabaseErrors(() =>
      startServer({
        config,
        databaseUrl,
        secretKey,
        log,
        pid: io.pid,
        isAlive: io.isAlive,
        ...(demo === undefined ? {} : { demo }),
        ...(onSettled ? { onSettled } : {}),
      }),
    );
  } catch (error) {
    throw describeStartError(error, config);
  }
}

function describeStartError(error: unknown, config: Config): unknown {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
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
