// Brings a server up on a data directory: adopts the one that runs, waits for the one that stops, or starts one.
import { chown, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../lib/log.ts';
import type { Binaries } from './binaries.ts';
import { ensureDatabase, isPassing } from './connect.ts';
import { systemClock } from '../lib/clock.ts';
import { EmbeddedPostgresError, errorText } from './embedded-error.ts';
import { startKept, stopKept } from './keeper.ts';
import type { KeptServer } from './keeper.ts';
import { chooseFreePort, isFree, rememberedPort, rememberPort } from './port.ts';
import { findServer, isAlive, removeRemnant, stateOf } from './postmaster-file.ts';
import type { FoundServer } from './postmaster-file.ts';
import { chooseRunAs } from './run-as.ts';
import type { Owner } from './run-as.ts';
import { lastLogLines } from './server-log.ts';
import { settingArguments } from './settings.ts';
import type { ServerSettings } from './settings.ts';

/** What is needed to start a server again at any time. */
export interface ClusterContext {
  dataDir: string;
  owner: Owner | undefined;
  binaries: Binaries;
  password: string;
  settings: ServerSettings;
  log: Pick<Log, 'info' | 'warn' | 'error'>;
}

/** A server that accepted a connection. `kept` is unset when another process started it. */
export interface RunningServer {
  pid: number;
  port: number;
  version: string;
  kept: KeptServer | undefined;
}

interface BringUp {
  /** The port that clients already use; without it another may be chosen. */
  fixedPort: number | undefined;
  signal: AbortSignal;
}

const pollEveryMs = 10;
const slowAfterMs = 3_000;
const startTimeoutMs = 300_000;
const retryEveryMs = 200;
const attemptsMax = 20;
const errorLinesMax = 10;

/** A start that failed, with what the server said, so that the caller can tell a passing cause from a lasting one. */
class FailedStart extends EmbeddedPostgresError {}

/** Resolves with a usable server of the data directory; throws EmbeddedPostgresError, or the signal's AbortError. */
export async function bringUp(
  context: ClusterContext,
  { fixedPort, signal }: BringUp,
): Promise<RunningServer> {
  let port = fixedPort ?? (await firstPort(context));
  for (let attempt = 1; ; attempt += 1) {
    try {
      const running = await findServer(context.dataDir);
      if (!running) return await startAnew(context, port, signal);
      const adopted = await adopt(context, running, signal);
      if (adopted) return adopted;
    } catch (error) {
      if (!(error instanceof FailedStart) || attempt >= attemptsMax) throw error;
      const cause = passingCause(error.message);
      if (cause === undefined) throw error;
      if (cause === 'port taken' && fixedPort === undefined) port = await chooseFreePort();
      await pause(retryEveryMs, undefined, { signal });
    }
  }
}

// After a kill, sessions of the dead server live on until they notice; and another process may start one as well.
function passingCause(message: string): 'port taken' | 'directory in use' | undefined {
  if (/could not create any TCP\/IP sockets|Address already in use/i.test(message)) return 'port taken';
  if (/pre-existing shared memory block|lock file "postmaster.pid"/.test(message)) return 'directory in use';
  return undefined;
}

async function firstPort({ dataDir, log }: ClusterContext): Promise<number> {
  const remembered = await rememberedPort(dataDir);
  if (remembered === undefined) return chooseFreePort();
  // A server of ours may hold it; asked twice, because another process may start one meanwhile.
  const held = (await findServer(dataDir)) ?? ((await isFree(remembered)) || (await findServer(dataDir)));
  if (held) return remembered;
  const port = await chooseFreePort();
  log.info(
    { taken: remembered, port },
    'another program uses the embedded PostgreSQL port; a new one is used',
  );
  return port;
}

// Waits until the found server is ready or gone; undefined says gone.
async function adopt(
  context: ClusterContext,
  { pid }: FoundServer,
  signal: AbortSignal,
): Promise<RunningServer | undefined> {
  const waiting = slowNotice(context, 'waiting for the embedded PostgreSQL that runs on this data directory');
  while (await stateOf(context.dataDir, pid)) {
    const version = await tryConnect(context, pid);
    if (version) return { pid, ...version, kept: undefined };
    waiting();
    await pause(pollEveryMs, undefined, { signal });
  }
  return undefined;
}

async function startAnew(context: ClusterContext, port: number, signal: AbortSignal): Promise<RunningServer> {
  const { dataDir, log } = context;
  if (await removeRemnant(dataDir, signal)) {
    log.warn(
      { dataDir },
      'removed the lock file of an embedded PostgreSQL that was killed as it began to start',
    );
  }
  return start(context, port, signal);
}

async function start(context: ClusterContext, port: number, signal: AbortSignal): Promise<RunningServer> {
  const { dataDir, owner, binaries, settings } = context;
  if (owner) await handOver(dataDir, owner);
  const runAs = await chooseRunAs(owner, dataDir, binaries);
  await rememberPort(dataDir, port, owner);
  const kept = startKept(runAs, binaries.postgres, [
    '-D',
    dataDir,
    '-p',
    String(port),
    ...settingArguments(settings),
  ]);
  try {
    const pid = await kept.pid;
    const waiting = slowNotice(context, 'the embedded PostgreSQL is still starting, probably recovering');
    for (;;) {
      if (pid === undefined || kept.hasExited()) throw await failedStart(context, kept);
      const version = await tryConnect(context, pid);
      if (version) return { pid, ...version, kept };
      waiting();
      await pause(pollEveryMs, undefined, { signal });
    }
  } catch (error) {
    await stopKept(kept, context.log);
    throw error;
  }
}

async function tryConnect(
  { dataDir, password }: ClusterContext,
  pid: number,
): Promise<{ port: number; version: string } | undefined> {
  const found = await stateOf(dataDir, pid);
  if (found?.status !== 'ready' || found.port === undefined) return undefined;
  try {
    return { port: found.port, version: await ensureDatabase(found.port, password) };
  } catch (error) {
    if (isPassing(error) || !isAlive(pid)) return undefined;
    throw new EmbeddedPostgresError(`The embedded PostgreSQL does not let Posthorn in: ${errorText(error)}`);
  }
}

// Says once that something takes long, and ends the wait when it takes far too long.
function slowNotice({ log, dataDir }: ClusterContext, message: string): () => void {
  const since = systemClock.monotonicMs();
  let said = false;
  return () => {
    const elapsedMs = systemClock.monotonicMs() - since;
    if (elapsedMs > startTimeoutMs) {
      throw new EmbeddedPostgresError(
        `The embedded PostgreSQL in ${dataDir} was not ready after ${startTimeoutMs} ms: see its log folder, or set DATABASE_URL.`,
      );
    }
    if (said || elapsedMs < slowAfterMs) return;
    said = true;
    log.info({ dataDir }, message);
  };
}

async function failedStart({ dataDir }: ClusterContext, kept: KeptServer): Promise<FailedStart> {
  const output = (await kept.startupOutput()).trim().split('\n');
  // Once the server writes to its log folder, the reason is there.
  const logged = output.some((line) => line.includes('logging collector'))
    ? await lastLogLines(dataDir, errorLinesMax)
    : [];
  const lines = (logged.length > 0 ? logged : output).slice(-errorLinesMax).join('\n');
  return new FailedStart(`The embedded PostgreSQL did not start on ${dataDir}:\n${lines}`);
}

// A cluster that root made its own (a restored copy) goes to the user who runs it; nothing outside is touched.
async function handOver(dataDir: string, owner: Owner): Promise<void> {
  if ((await stat(dataDir)).uid === owner.uid) return;
  for (const name of await readdir(dataDir, { recursive: true })) {
    await chown(join(dataDir, name), owner.uid, owner.gid);
  }
  await chown(dataDir, owner.uid, owner.gid);
}
