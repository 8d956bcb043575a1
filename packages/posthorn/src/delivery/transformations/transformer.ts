// Runs transformations in threads. What does not stop is stopped by ending its thread, which costs its own application
// the time and others nothing: applications take turns by the time they use, and slow ones never hold all threads.
import { Worker } from 'node:worker_threads';
import {
  readEnvelope,
  type TransformationJob,
  type TransformationResult,
  transformationLimits,
} from '../../core/transformation.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { startRunTimer } from './run-timer.ts';
import type { SandboxJob, SandboxResult } from './sandbox.ts';
import { WaitingRoom } from './waiting-room.ts';

const workersMax = 2;
const waitingPerApplicationMax = 200;
const waitMaxMs = 30_000;
const slowFromMs = 100;
// What the code may take, beyond its own time, until QuickJS looks at the clock; and how often that is looked at.
const graceMs = 500;
const lookEveryMs = 250;
const readyMaxMs = 20_000;
// V8's own memory in a thread; WebAssembly's is bounded in sandbox.ts.
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16 };

export interface TransformerDeps {
  clock: Clock;
  log: Log;
  /** The compiled worker.ts, where it is not beside this file. */
  workerUrl?: URL;
}

interface Waiting {
  applicationId: string;
  endpointId: string;
  job: TransformationJob;
  timer: NodeJS.Timeout;
  resolve(result: TransformationResult): void;
}

interface Thread {
  worker: Worker;
  isReady: boolean;
  current: Running | undefined;
  /** It gives no sign of life in time. */
  watchdog: NodeJS.Timeout | undefined;
}

interface Running {
  waiting: Waiting;
  startedAtMs: number;
}

const decoder = new TextDecoder();

export class Transformer {
  readonly #deps: TransformerDeps;
  readonly #room = new WaitingRoom<Waiting>({ perApplicationMax: waitingPerApplicationMax, slowFromMs });
  readonly #threads = new Set<Thread>();
  #isClosed = false;

  constructor(deps: TransformerDeps) {
    this.#deps = deps;
  }

  /** No thread is started before the first job. */
  readonly transform = (job: TransformationJob): Promise<TransformationResult> =>
    new Promise((resolve) => {
      const { applicationId, endpointId } = job;
      if (this.#isClosed) return resolve(busy('the server is stopping'));
      const timer = setTimeout(() => {
        this.#room.remove(waiting);
        resolve(busy('too many transformations were waiting for their turn'));
      }, waitMaxMs);
      timer.unref();
      const waiting: Waiting = { applicationId, endpointId, job, timer, resolve };
      if (!this.#room.add(waiting)) {
        clearTimeout(timer);
        return resolve(busy('too many transformations of this application are waiting'));
      }
      this.#pump();
    });

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { timer, resolve } of this.#room.takeAll()) {
      clearTimeout(timer);
      resolve(busy('the server is stopping'));
    }
    await Promise.all([...this.#threads].map((thread) => this.#end(thread, busy('the server is stopping'))));
  }

  #pump(): void {
    for (const thread of this.#threads) {
      if (!thread.isReady || thread.current) continue;
      const waiting = this.#room.take(this.#maySlowStart());
      if (!waiting) return;
      this.#start(thread, waiting);
    }
    const isIdle = [...this.#threads].some(({ current }) => !current);
    if (!isIdle && this.#threads.size < workersMax && !this.#isClosed) this.#addThread();
  }

  /** One thread is kept for those that are quick. */
  #maySlowStart(): boolean {
    const slow = [...this.#threads].filter(
      ({ current }) => current && this.#room.isSlow(current.waiting.applicationId),
    );
    return slow.length < workersMax - 1;
  }

  #start(thread: Thread, waiting: Waiting): void {
    clearTimeout(waiting.timer);
    thread.current = { waiting, startedAtMs: this.#deps.clock.monotonicMs() };
    const timer = startRunTimer(this.#deps.clock, graceMs);
    thread.watchdog = setInterval(() => {
      const message = `it ran for longer than ${transformationLimits.runTimeoutMs} ms and had to be ended`;
      if (timer.isOver()) void this.#end(thread, failed(message));
    }, lookEveryMs);
    thread.worker.postMessage(sandboxJob(waiting.job), []);
  }

  #addThread(): void {
    const { workerUrl = new URL('./worker.js', import.meta.url), log } = this.#deps;
    // Nothing of the process's environment or arguments is for it.
    const worker = new Worker(workerUrl, { env: {}, argv: [], execArgv: [], resourceLimits });
    worker.unref();
    const watchdog = setTimeout(
      () => void this.#end(thread, failed('the sandbox did not start')),
      readyMaxMs,
    );
    watchdog.unref();
    const thread: Thread = { worker, isReady: false, current: undefined, watchdog };
    this.#threads.add(thread);
    worker.on('message', (message: SandboxResult | 'ready') => this.#heard(thread, message));
    worker.on('error', (error) => {
      log.warn({ err: error }, 'a thread that runs transformations has failed');
      void this.#end(thread, failed('it broke its sandbox, which has a limited memory'));
    });
    worker.on('exit', () => void this.#end(thread, failed('its sandbox ended')));
  }

  #heard(thread: Thread, message: SandboxResult | 'ready'): void {
    clearTimeout(thread.watchdog);
    thread.isReady = true;
    if (message !== 'ready') this.#finish(thread, resultOf(message));
    this.#pump();
  }

  #finish(thread: Thread, conclusion: Conclusion): void {
    const { current } = thread;
    if (!current) return;
    thread.current = undefined;
    const { waiting, startedAtMs } = current;
    const durationMs = this.#deps.clock.monotonicMs() - startedAtMs;
    this.#room.charge(waiting, durationMs);
    waiting.resolve({ ...conclusion, durationMs: Math.round(durationMs) });
  }

  /** Once: a thread that fails also exits. */
  async #end(thread: Thread, conclusion: Conclusion): Promise<void> {
    if (!this.#threads.delete(thread)) return;
    clearTimeout(thread.watchdog);
    this.#finish(thread, conclusion);
    const ended = thread.worker.terminate();
    this.#pump();
    await ended;
  }
}

/** A result before its time is known. */
type Conclusion = DistributiveOmit<TransformationResult, 'durationMs'>;
type DistributiveOmit<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never;

const failed = (message: string): Conclusion => ({ kind: 'failed', cause: 'code', message, logs: [] });
const busy = (message: string): TransformationResult => ({
  kind: 'failed',
  cause: 'busy',
  message,
  logs: [],
  durationMs: 0,
});

function sandboxJob({ transformation, webhook }: TransformationJob): SandboxJob {
  const { code, language, variables } = transformation;
  const job: SandboxJob = { code, language, variables: JSON.stringify(variables) };
  if (!webhook) return job;
  const payload = decoder.decode(webhook.payload);
  const { url, eventType } = webhook;
  return { ...job, webhook: { url, eventType, payload, isText: !isJson(payload) } };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function resultOf(result: SandboxResult): Conclusion {
  const { logs } = result;
  if (result.kind === 'failed') return { ...failed(result.message), logs };
  if (result.kind === 'checked') return { kind: 'checked', logs };
  const envelope = readEnvelope(result.envelope);
  if (typeof envelope === 'string') return { ...failed(envelope), logs };
  if (envelope.cancel) return { kind: 'cancelled', logs };
  const { method, url, headers, isSame } = envelope;
  const payload = isSame ? undefined : Buffer.from(result.body);
  if (payload && payload.length > transformationLimits.payloadMaxBytes) {
    return { ...failed(`the payload is larger than ${transformationLimits.payloadMaxBytes} bytes`), logs };
  }
  return { kind: 'transformed', webhook: { method, url, headers, payload }, logs };
}
