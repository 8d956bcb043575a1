// The embedded PostgreSQL: starts or adopts a server on a data directory, and keeps one there until stopped.
//
//   bring up ──▶ running ──(crash, kill, its owner left)──▶ bring up, same port
//                   └──stop()──▶ ours: fast shutdown │ adopted: left to its owner
import { platform } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { locateBinaries } from './binaries.ts';
import { databaseUrl } from './connect.ts';
import { readPassword } from './create-cluster.ts';
import { openDataDirectory } from './data-directory.ts';
import { EmbeddedPostgresError, errorCode, errorText } from './embedded-error.ts';
import { sendSignal, stopKept } from './keeper.ts';
import { bringUp } from './launch.ts';
import type { ClusterContext, RunningServer } from './launch.ts';
import { stateOf } from './postmaster-file.ts';
import { pruneLogFiles } from './server-log.ts';
import { defaultSettings } from './settings.ts';
import type { ServerSettings } from './settings.ts';
import { createWriteback } from './writeback.ts';
import type { Writeback } from './writeback.ts';

export interface EmbeddedPostgresOptions {
  /** The cluster's directory, made when missing. Relative paths start at the working directory. */
  dataDir: string;
  log: ClusterContext['log'];
  /** Server settings that differ from settings.ts; `fsync: 'off'` also leaves a new cluster unsynced. */
  settings?: ServerSettings;
  /** A folder with `bin`, `lib` and `share` of PostgreSQL, in place of the npm package's. */
  nativeDir?: string;
}

export interface EmbeddedPostgres {
  /** `postgres://posthorn:…@127.0.0.1:<port>/posthorn`; stays valid when the server is started again. */
  url: string;
  /** The server's version, such as `18.4`. */
  version: string;
  /** True when another process had already started the server. */
  adopted: boolean;
  /** Ends the watch, and the server if this process started it. May be called again. */
  stop(): Promise<void>;
}

const watchEveryMs = 500;
const backoffFirstMs = 100;
const backoffMaxMs = 5_000;
const pruneEveryMs = 600_000;

/**
 * Resolves when the server has accepted a connection to the database `posthorn`. From then on a server that goes
 * away is started again on the same port. Throws EmbeddedPostgresError when there is nothing to start.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    return await startCluster(options);
  } catch (error) {
    // A full disk, a missing permission: the system's own words say which.
    if (error instanceof EmbeddedPostgresError || errorCode(error) === undefined) throw error;
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL did not start (${errorText(error)}): mend that, or set DATABASE_URL.`,
      { cause: error },
    );
  }
}

async function startCluster(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const settings = { ...defaultSettings, ...options.settings };
  const binaries = await locateBinaries(options.nativeDir);
  const durable = settings.fsync !== 'off';
  const { dataDir, owner } = await openDataDirectory(options.dataDir, binaries, { durable });
  const password = await readPassword(dataDir);
  const context: ClusterContext = { dataDir, owner, binaries, password, settings, log: options.log };

  const stopping = new AbortController();
  const server = await bringUp(context, { fixedPort: undefined, signal: stopping.signal });
  const watching = watch(context, server, stopping.signal);
  let stopped: Promise<void> | undefined;
  return {
    url: databaseUrl(server.port, password),
    version: server.version,
    adopted: server.kept === undefined,
    stop: () => {
      stopping.abort();
      stopped ??= watching.then((last) => last?.kept && stopKept(last.kept, context.log));
      return stopped;
    },
  };
}

// Returns the server that runs when the watch ends, if one does.
async function watch(
  context: ClusterContext,
  first: RunningServer,
  signal: AbortSignal,
): Promise<RunningServer | undefined> {
  const pruning = setInterval(() => void pruneLogFiles(context.dataDir), pruneEveryMs);
  pruning.unref();
  await pruneLogFiles(context.dataDir);
  let server: RunningServer | undefined = first;
  while (server && !signal.aborted) {
    const { pid, port } = server;
    const writeback = startWriteback(context, server);
    const gone = await isGone(context, server, signal);
    await writeback?.stop();
    if (!gone) break;
    context.log.warn({ pid, port }, 'the embedded PostgreSQL went away; starting it again');
    server = await bringBack(context, port, signal);
  }
  clearInterval(pruning);
  return server;
}

// For Linux, and whoever started the server: one process is enough. A server that syncs nothing has nothing to wait for.
function startWriteback(context: ClusterContext, { pid, kept }: RunningServer): Writeback | undefined {
  const { dataDir, settings, log } = context;
  if (!kept || settings.fsync === 'off' || platform() !== 'linux') return undefined;
  const onFailure = (error: Error, path: string) => {
    log.error(
      { err: error, path, pid },
      'the disk did not take a file of the embedded PostgreSQL; stopping it at once, so that it recovers from its log',
    );
    sendSignal(pid, 'SIGQUIT');
  };
  const writeback = createWriteback({ dataDir, log, onFailure });
  writeback.start();
  return writeback;
}

// Resolves with true when the server is gone, with false when the watch is to end.
async function isGone(context: ClusterContext, server: RunningServer, signal: AbortSignal): Promise<boolean> {
  const { pid, kept } = server;
  const wake = new AbortController();
  const onWake = () => wake.abort();
  signal.addEventListener('abort', onWake, { once: true });
  void kept?.exited.then(onWake);
  let state = await stateOf(context.dataDir, pid);
  while (!wake.signal.aborted && (state || kept)) {
    // Someone else asked it to stop, gently: it would turn new connections away until the last old one ends.
    if (kept && state?.status === 'stopping') sendSignal(pid, 'SIGINT');
    await pause(watchEveryMs, undefined, { signal: wake.signal }).catch(() => undefined);
    state = await stateOf(context.dataDir, pid);
  }
  signal.removeEventListener('abort', onWake);
  if (isAborted(signal)) return false;
  // Its keeper is what died. Without one the server would outlive us, so it is replaced.
  if (kept && state) sendSignal(pid, 'SIGINT');
  return true;
}

// A function, because the compiler takes `aborted` for unchanged since it was last looked at.
const isAborted = (signal: AbortSignal) => signal.aborted;

async function bringBack(
  context: ClusterContext,
  port: number,
  signal: AbortSignal,
): Promise<RunningServer | undefined> {
  for (let backoffMs = backoffFirstMs; !signal.aborted; backoffMs = Math.min(backoffMs * 2, backoffMaxMs)) {
    try {
      const server = await bringUp(context, { fixedPort: port, signal });
      const found = { pid: server.pid, port: server.port, adopted: !server.kept };
      if (server.port === port) context.log.info(found, 'the embedded PostgreSQL is back');
      else
        context.log.error(
          { ...found, expectedPort: port },
          'the embedded PostgreSQL moved to another port: restart Posthorn',
        );
      return server;
    } catch (error) {
      await reportFailure(context, { reason: errorText(error), retryInMs: backoffMs }, signal);
    }
  }
  return undefined;
}

async function reportFailure(
  { log }: ClusterContext,
  failure: { reason: string; retryInMs: number },
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  log.error(failure, 'the embedded PostgreSQL did not start');
  await pause(failure.retryInMs, undefined, { signal }).catch(() => undefined);
}
