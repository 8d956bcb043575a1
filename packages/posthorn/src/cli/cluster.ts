// The primary of several server processes: forks them onto one port, replaces those that end, and stops them all.
// It serves nothing itself.
import cluster, { type Worker } from 'node:cluster';
import type { Logger } from 'pino';
import { systemClock } from '../lib/clock.ts';
import { CliError } from './cli-error.ts';
import { createDeferred, type Deferred } from './deferred.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { ServerFacts } from './start-server.ts';
import {
  type FromWorker,
  packJob,
  type ServerJob,
  type ToWorker,
  unpackError,
  workerArgument,
} from './worker-messages.ts';

/** The servers of one command, in this process or in others. */
export interface Servers {
  /** Resolves when all of them listen. `signal` ends the start of those that do not yet. */
  start(signal: AbortSignal): Promise<ServerFacts>;
  /** The user knows that they are ready. */
  announced(): void;
  /** Resolves when they cannot go on. */
  failed: Promise<Error>;
  /** Lets them finish what is under way. */
  stop(): Promise<void>;
  /** Ends them without that, as far as they are other processes. */
  stopAtOnce(): Promise<void>;
}

// A server gives up after 25 s what it cannot finish; service managers kill after 30 s.
const stopMaxMs = 28_000;
// A server that ends sooner than this after its start has not really worked, and is started again with a delay.
const steadyMs = 2_000;
const restartDelayFirstMs = 250;
const restartDelayMaxMs = 10_000;
/** What another try would meet again. */
const lasting: readonly ExitCode[] = [exitCodes.usage, exitCodes.auth, exitCodes.notFound];

interface Member {
  worker: Worker;
  /** It listens to messages. */
  isOnline: boolean;
  /** The port it was told to listen on. */
  port: number;
  ready: Deferred<ServerFacts>;
  readyAtMs: number | undefined;
  /** Why it could not start, in its own words. */
  error: Error | undefined;
  /** Its process has ended, and everything that it said was heard. */
  ended: Promise<unknown>;
}

interface End {
  exitCode: number | null;
  signal: string | null;
}

export class ServerProcesses implements Servers {
  readonly #job: ServerJob;
  readonly #log: Logger;
  readonly #members = new Set<Member>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #failed = createDeferred<Error>();
  #first: Member | undefined;
  #server: ServerFacts | undefined;
  /** Ends in a row that came too soon. */
  #strikes = 0;
  #isStarted = false;
  #isAnnounced = false;
  #isStopping = false;

  constructor(job: ServerJob, log: Logger) {
    this.#job = job;
    this.#log = log;
  }

  get failed(): Promise<Error> {
    return this.#failed.promise;
  }

  async start(signal: AbortSignal): Promise<ServerFacts> {
    cluster.setupPrimary({ args: [workerArgument], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#first = this.#fork();
    const others = Array.from({ length: this.#job.config.processes - 1 }, () => this.#fork());
    signal.addEventListener('abort', () => this.#kill((member) => member.readyAtMs === undefined), {
      once: true,
    });
    try {
      // The first one alone: it migrates the database, makes what is missing there, and finds the port for all.
      this.#server = await this.#first.ready.promise;
      for (const member of others) if (member.isOnline) this.#giveJob(member);
      await Promise.all(others.map(({ ready }) => ready.promise));
    } catch (error) {
      this.#kill((member) => member.readyAtMs === undefined);
      await this.stop();
      throw error;
    }
    this.#isStarted = true;
    return this.#server;
  }

  announced(): void {
    this.#isAnnounced = true;
    for (const member of this.#members) send(member, { kind: 'announced' });
  }

  async stop(): Promise<void> {
    this.#forkNoMore();
    for (const member of this.#members) send(member, { kind: 'stop' });
    const deadline = setTimeout(() => {
      this.#log.warn({ processes: this.#members.size }, 'ending server processes that do not stop');
      this.#kill(() => true);
    }, stopMaxMs);
    await this.#allEnded();
    clearTimeout(deadline);
  }

  async stopAtOnce(): Promise<void> {
    this.#forkNoMore();
    this.#kill(() => true);
    await this.#allEnded();
  }

  #forkNoMore(): void {
    this.#isStopping = true;
    for (const timer of this.#restarts) clearTimeout(timer);
  }

  #kill(isMeant: (member: Member) => boolean): void {
    for (const member of this.#members) if (isMeant(member)) member.worker.process.kill('SIGKILL');
  }

  async #allEnded(): Promise<void> {
    await Promise.all([...this.#members].map((member) => member.ended));
  }

  #fork(): Member {
    const worker = cluster.fork();
    const ready = createDeferred<ServerFacts>();
    // Of several that fail, the first one is waited for.
    ready.promise.catch(() => {});
    const member: Member = {
      worker,
      isOnline: false,
      port: this.#job.config.port,
      ready,
      readyAtMs: undefined,
      error: undefined,
      ended: endOf(worker).then((end) => this.#onEnd(member, end)),
    };
    this.#members.add(member);
    worker.on('message', (message: FromWorker) => this.#onMessage(member, message));
    worker.on('error', (error) => {
      member.error ??= error;
    });
    return member;
  }

  /**
   * Port 0 means the same port for all who ask for it while one of them lives: a newcomer asks as they did. When none
   * is left the port is asked for by its number.
   */
  #portToAsk(): number {
    const listening = [...this.#members].find(({ readyAtMs }) => readyAtMs !== undefined);
    return listening?.port ?? this.#server?.port ?? this.#job.config.port;
  }

  #giveJob(member: Member): void {
    member.port = this.#portToAsk();
    const config = { ...this.#job.config, port: member.port };
    // What the first one started with is right: the others wait for a database that went away since.
    const isDatabaseKnown = this.#server !== undefined;
    send(member, { kind: 'start', job: packJob({ ...this.#job, config, isDatabaseKnown }) });
  }

  #onMessage(member: Member, message: FromWorker): void {
    if (message.kind === 'hello') {
      member.isOnline = true;
      if (this.#isStopping) send(member, { kind: 'stop' });
      else if (this.#server || member === this.#first) this.#giveJob(member);
    } else if (message.kind === 'ready') {
      this.#onReady(member, message.server);
    } else {
      member.error = unpackError(message.error);
      // It ends when it sees that it was heard.
      member.worker.process.disconnect();
    }
  }

  #onReady(member: Member, server: ServerFacts): void {
    const { host } = this.#job.config;
    if (this.#server && server.port !== this.#server.port) {
      const expected = this.#server.port;
      member.error = new Error(`${host}:${expected} could not be had, only port ${server.port}`);
      send(member, { kind: 'stop' });
      return;
    }
    if (member.port !== 0) member.port = server.port;
    member.readyAtMs = systemClock.monotonicMs();
    if (this.#isAnnounced) send(member, { kind: 'announced' });
    member.ready.resolve(server);
  }

  #onEnd(member: Member, { exitCode, signal }: End): void {
    this.#members.delete(member);
    const { error, readyAtMs, ready, worker } = member;
    if (readyAtMs === undefined) ready.reject(error ?? earlyEnd(exitCode, signal));
    // Before the start is complete, whoever cannot start ends it; start() sees to that.
    if (this.#isStopping || (!this.#isStarted && readyAtMs === undefined)) return;
    if (error instanceof CliError && lasting.includes(error.exitCode)) {
      this.#failed.resolve(error);
      return;
    }
    const wasSteady = readyAtMs !== undefined && systemClock.monotonicMs() - readyAtMs >= steadyMs;
    this.#strikes = wasSteady ? 0 : this.#strikes + 1;
    const delayMs =
      this.#strikes === 0 ? 0 : Math.min(restartDelayFirstMs * 2 ** (this.#strikes - 1), restartDelayMaxMs);
    const facts = { workerPid: worker.process.pid, exitCode, signal, delayMs };
    this.#log.warn(
      error === undefined ? facts : { ...facts, err: error },
      'a server process ended; another one takes its place',
    );
    this.#forkIn(delayMs);
  }

  #forkIn(delayMs: number): void {
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#fork();
    }, delayMs);
    this.#restarts.add(timer);
  }
}

/** A process that is on its end does not listen; that is heard of soon enough. */
function send({ worker }: Member, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => {});
}

/** The process has ended, and so has its channel: until then a message may still be on its way. */
function endOf(worker: Worker): Promise<End> {
  return new Promise((resolve) => {
    const end: End = { exitCode: null, signal: null };
    let missing = 2;
    const count = () => {
      missing -= 1;
      if (missing === 0) resolve(end);
    };
    worker.once('disconnect', count);
    worker.once('exit', (exitCode: number | null, signal: string | null) => {
      Object.assign(end, { exitCode, signal });
      count();
    });
    // Nothing ends that could not be started.
    worker.once('error', () => {
      if (worker.process.pid === undefined) resolve(end);
    });
  });
}

function earlyEnd(exitCode: number | null, signal: string | null): CliError {
  if (signal === 'SIGINT' || signal === 'SIGTERM') {
    return new CliError(exitCodes.interrupted, 'interrupted', 'interrupted');
  }
  const how = signal ?? `exit code ${exitCode}`;
  return new CliError(
    exitCodes.failure,
    'server_process_ended',
    `a server process ended before it was ready (${how})`,
    { fix: 'see what it printed above, or run with --processes 1 to see more' },
  );
}
