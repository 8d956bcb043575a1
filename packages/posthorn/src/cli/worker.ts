// One of several server processes on a port: does what its primary says, and outlives it only to finish its work.
import cluster, { type Worker } from 'node:cluster';
import { createDeferred } from './deferred.ts';
import { devParts } from './dev.ts';
import { exitCodes } from './exit-codes.ts';
import type { Io } from './io.ts';
import type { ServerParts } from './run-server.ts';
import { serveParts } from './serve.ts';
import { startServerHere } from './start-server.ts';
import { type FromWorker, packError, type ServerJob, type ToWorker, unpackJob } from './worker-messages.ts';

// The server gives up after 25 s by itself; nothing of a dead primary is left after 30 s.
const orphanMaxMs = 28_000;

interface Primary {
  job: Promise<ServerJob>;
  /** The primary, or a SIGTERM to this process, asks for the end; or the primary is gone. */
  stopped: Promise<void>;
  /** The primary has been gone for so long that waiting for anything ends. */
  overdue: Promise<void>;
  disconnected: Promise<void>;
  isAnnounced(): boolean;
}

/** Resolves with the exit code when the server has stopped. */
export async function runWorker(io: Io): Promise<number> {
  const { worker } = cluster;
  if (!worker) throw new Error('this process was not forked by a primary');
  const primary = listenToPrimary(worker, io);
  await tell(worker, { kind: 'hello' });
  return Promise.race([
    serveUntilStopped(worker, primary, io),
    primary.overdue.then(() => exitCodes.failure),
  ]);
}

async function serveUntilStopped(worker: Worker, primary: Primary, io: Io): Promise<number> {
  const job = await Promise.race([primary.job, primary.stopped]);
  if (!job) return exitCodes.ok;
  const parts = job.config.mode === 'dev' ? workerDevParts(job, primary, io) : serveParts(job.config, io);
  const stopping = new AbortController();
  void primary.stopped.then(() => stopping.abort());
  const { signal } = stopping;
  const server = await startServerHere({
    ...job,
    ...parts,
    pid: io.pid,
    isAlive: io.isAlive,
    signal,
  }).catch(async (error: unknown) => {
    if (signal.aborted) return;
    await tell(worker, { kind: 'failed', error: packError(error) });
    await primary.disconnected;
  });
  if (!server) return signal.aborted ? exitCodes.ok : exitCodes.failure;
  const { stop, ...facts } = server;
  await tell(worker, { kind: 'ready', server: facts });
  await primary.stopped;
  try {
    await stop();
    return exitCodes.ok;
  } catch (error) {
    parts.log.warn({ err: error }, 'could not stop in order: what was under way will be sent again');
    return exitCodes.failure;
  }
}

function workerDevParts({ config, json }: ServerJob, { isAnnounced }: Primary, io: Io): ServerParts {
  const { log, ...parts } = devParts(config, io, () => isAnnounced() && !json);
  return { ...parts, log: log.child({ pid: io.pid }) };
}

function listenToPrimary(worker: Worker, io: Io): Primary {
  const job = createDeferred<ServerJob>();
  const stopped = createDeferred<void>();
  const overdue = createDeferred<void>();
  const disconnected = createDeferred<void>();
  let isAnnounced = false;
  worker.on('message', (message: ToWorker) => {
    if (message.kind === 'start') job.resolve(unpackJob(message.job));
    else if (message.kind === 'announced') isAnnounced = true;
    else stopped.resolve();
  });
  worker.on('disconnect', () => {
    // Keeps Node from ending this process now, with work under way.
    worker.exitedAfterDisconnect = true;
    stopped.resolve();
    disconnected.resolve();
    setTimeout(overdue.resolve, orphanMaxMs);
  });
  // A terminal's ^C reaches every process of its group; only the primary decides what it means.
  io.onSignal((signal) => {
    if (signal === 'SIGTERM') stopped.resolve();
  });
  return {
    job: job.promise,
    stopped: stopped.promise,
    overdue: overdue.promise,
    disconnected: disconnected.promise,
    isAnnounced: () => isAnnounced,
  };
}

/** Resolves when the message is on its way, or cannot be: then the primary is gone, which is heard of besides. */
function tell(worker: Worker, message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (!worker.isConnected()) resolve();
    else worker.send(message, () => resolve());
  });
}
