// What `serve` and `dev` share: the database, the secret key, the servers, and a stop that finishes what is under way.
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded/cluster.ts';
import { EmbeddedPostgresError } from '../embedded/embedded-error.ts';
import { defaultSettings } from '../embedded/settings.ts';
import type { RunningServer, ServerOptions } from '../server.ts';
import { CliError } from './cli-error.ts';
import { ServerProcesses, type Servers } from './cluster.ts';
import { createDeferred } from './deferred.ts';
import { exitCodes } from './exit-codes.ts';
import { type Io, writeNote } from './io.ts';
import { ensureSecretKey } from './secret-key-file.ts';
import type { ServerFacts } from './start-server.ts';
import type { ServerJob } from './worker-messages.ts';

const postgresFolder = 'postgres';
// For `posthorn migrate`, psql and PostgreSQL itself.
const spareConnections = 20;

export interface Started {
  server: ServerFacts;
  databaseUrl: string;
  /** The folder of the embedded PostgreSQL, when it is used. */
  embeddedIn?: string;
}

/** What a server needs besides its configuration, in whichever process it runs. */
export type ServerParts = Pick<ServerOptions, 'log' | 'demo' | 'onSettled'>;

export interface RunOptions extends ServerParts {
  log: Logger;
  /** Runs when all servers are ready. */
  onReady(started: Started): Promise<void>;
  /** Runs before they stop. */
  onStop?(): Promise<void>;
}

/** Runs the server, or several, until a stop signal; returns the exit code. A second signal does not wait. */
export async function runServer(config: Config, io: Io, options: RunOptions): Promise<number> {
  const signals = stopSignals(io);
  if (config.processes === 1) loadAhead();
  const embedded = config.databaseUrl === undefined ? await startEmbedded(config, options.log) : undefined;
  try {
    const databaseUrl = config.databaseUrl ?? embedded?.url ?? '';
    const secretKey = config.secretKey ?? (await ensureSecretKey(config.dataDir));
    const job = { config, databaseUrl, secretKey, json: io.json, isDatabaseKnown: false };
    const servers =
      config.processes > 1 ? new ServerProcesses(job, options.log) : serverHere(job, io, options);
    const embeddedIn = embedded ? { embeddedIn: join(config.dataDir, postgresFolder) } : {};
    const onReady = async (server: ServerFacts) => {
      const started = { server, databaseUrl, ...embeddedIn };
      if (config.apply !== undefined) {
        const { applyAtStart } = await import('./apply-at-start.ts');
        await applyAtStart(config.apply, started, io);
      }
      await options.onReady(started);
    };
    const work = runUntilStopped(servers, signals.first, { io, onReady, onStop: options.onStop });
    const code = await Promise.race([work, signals.second]);
    if (code === exitCodes.interrupted) await servers.stopAtOnce();
    writeNote(
      io,
      code === exitCodes.ok ? 'stopped' : 'stopped at once: what was under way will be sent again',
    );
    return code;
  } finally {
    await embedded?.stop();
  }
}

interface Steps {
  io: Io;
  onReady(server: ServerFacts): Promise<void>;
  onStop: (() => Promise<void>) | undefined;
}

async function runUntilStopped(
  servers: Servers,
  signal: Promise<void>,
  { io, onReady, onStop }: Steps,
): Promise<typeof exitCodes.ok> {
  const started = await startUnlessStopped(servers, signal);
  if (!started) return exitCodes.ok;
  try {
    await onReady(started);
  } catch (error) {
    await servers.stop();
    throw error;
  }
  servers.announced();
  const failure = await Promise.race([signal, servers.failed]);
  writeNote(io, 'stopping: finishing what is under way (once more to stop at once)');
  await onStop?.();
  await servers.stop();
  if (failure) throw failure;
  return exitCodes.ok;
}

/** Undefined when the signal came while they waited for the database. */
async function startUnlessStopped(servers: Servers, signal: Promise<void>): Promise<ServerFacts | undefined> {
  const stopping = new AbortController();
  void signal.then(() => stopping.abort());
  try {
    return await servers.start(stopping.signal);
  } catch (error) {
    if (stopping.signal.aborted) return undefined;
    throw error;
  }
}

/** Reads a server's code while PostgreSQL starts: each takes a second. Whoever imports it next hears what was wrong. */
function loadAhead(): void {
  import('./start-server.ts').catch(() => {});
}

/** One server, in this process: where it cannot go on, the process ends. */
function serverHere(job: ServerJob, io: Io, { log, demo, onSettled }: RunOptions): Servers {
  let server: RunningServer | undefined;
  return {
    async start(signal) {
      // Here, so that a primary does without the code of a server.
      const { startServerHere } = await import('./start-server.ts');
      server = await startServerHere({
        ...job,
        log,
        pid: io.pid,
        isAlive: io.isAlive,
        signal,
        ...(demo === undefined ? {} : { demo }),
        ...(onSettled ? { onSettled } : {}),
      });
      return server;
    },
    announced: () => {},
    failed: createDeferred<Error>().promise,
    stop: async () => server?.stop(),
    stopAtOnce: async () => {},
  };
}

function stopSignals(io: Io): { first: Promise<void>; second: Promise<typeof exitCodes.interrupted> } {
  const first = createDeferred<void>();
  const second = createDeferred<typeof exitCodes.interrupted>();
  let count = 0;
  io.onSignal(() => {
    count += 1;
    if (count === 1) first.resolve();
    else second.resolve(exitCodes.interrupted);
  });
  return { first: first.promise, second: second.promise };
}

async function startEmbedded(config: Config, log: Logger): Promise<EmbeddedPostgres> {
  const dataDir = join(config.dataDir, postgresFolder);
  try {
    return await startEmbeddedPostgres({ dataDir, log, settings: settingsFor(config) });
  } catch (cause) {
    if (!(cause instanceof EmbeddedPostgresError)) throw cause;
    throw new CliError(exitCodes.unreachable, 'embedded_postgres', cause.message, { cause });
  }
}

/** Room for the connections of every process: its pool, and one that listens. */
function settingsFor({ processes, databaseConnectionsMax }: Config): Record<string, string> {
  const needed = processes * (databaseConnectionsMax + 1) + spareConnections;
  return needed > Number(defaultSettings.max_connections) ? { max_connections: String(needed) } : {};
}
