// A thread that does one job at a time within a bound: what takes too long is ended with its thread, and the next job
// gets a new one. What counts is the processor's time: on a machine with too much to do, a second is not much. Owners
// take turns by the time they have used, so that one with slow jobs holds up nobody else's.
import { Worker } from 'node:worker_threads';
import type { Clock } from './clock.ts';

const startMaxMs = 60_000;
// What is waited for a thread that gets no processor, as a multiple of the time it may use.
const patienceFactor = 20;
const resourceLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };
const lookAgainMinMs = 50;
const microsecondsPerMs = 1_000;
const waitingPerOwnerMax = 5_000;
const waitingMaxBytes = 64 * 1024 * 1024;
// Nobody takes more than a quarter of it, so that one environment's payloads leave room for the others'.
const waitingPerOwnerMaxBytes = waitingMaxBytes / 4;
// Beyond this, those who have used no more than their turn are forgotten.
const ownersRememberedMax = 1_000;

/** 'slow': the job took too long. 'crashed': it ran out of memory. 'crowded': too much waits. 'stopped': shutdown. */
export class JobError extends Error {
  readonly reason: 'slow' | 'crashed' | 'crowded' | 'stopped';

  constructor(reason: JobError['reason']) {
    super(`a job of a thread was not done: ${reason}`);
    this.name = 'JobError';
    this.reason = reason;
  }
}

/** `bytes`: what the job holds in memory. */
export interface JobBounds {
  owner: string;
  bytes: number;
  /** Of the processor's time. */
  limitMs: number;
  /** Handed over to the thread instead of copied: nobody else may need it. */
  moved?: ArrayBuffer;
}

interface Task<Job, Answer> extends JobBounds {
  job: Job;
  resolve(answer: Answer): void;
  reject(error: JobError): void;
}

export interface ThreadDeps {
  /** The built file. It posts 'ready', and from then on one answer for each job. */
  workerUrl: URL;
  clock: Clock;
}

export class JobThread<Job extends object, Answer extends object> {
  readonly #deps: ThreadDeps;
  #worker: { thread: Worker; isReady: boolean } | undefined;
  #running: Task<Job, Answer> | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiting = new Map<string, Task<Job, Answer>[]>();
  #waitingBytes = 0;
  /** Milliseconds used, as a virtual time: who comes back after a pause starts where the others are. */
  readonly #usedMs = new Map<string, number>();
  #virtualMs = 0;
  #startedAtMs = 0;
  #stopped = false;
  /** What was ended may hold its memory until it has exited: not two at a time. */
  #ending = false;

  constructor(deps: ThreadDeps) {
    this.#deps = deps;
  }

  /** Rejects with a JobError. */
  run(job: Job, bounds: JobBounds): Promise<Answer> {
    const { owner, bytes } = bounds;
    const queue = this.#waiting.get(owner) ?? [];
    if (this.#stopped) return Promise.reject(new JobError('stopped'));
    const ownBytes = queue.reduce((sum, task) => sum + task.bytes, 0);
    const isFull = this.#waitingBytes + bytes > waitingMaxBytes;
    const hasItsPart = queue.length > 0 && ownBytes + bytes > waitingPerOwnerMaxBytes;
    if (isFull || hasItsPart || queue.length >= waitingPerOwnerMax) {
      return Promise.reject(new JobError('crowded'));
    }
    return new Promise((resolve, reject) => {
      queue.push({ job, ...bounds, resolve, reject });
      this.#waiting.set(owner, queue);
      this.#waitingBytes += bytes;
      this.#usedMs.set(owner, Math.max(this.#usedMs.get(owner) ?? 0, this.#virtualMs));
      this.#next();
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const tasks = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    this.#waitingBytes = 0;
    for (const { reject } of tasks) reject(new JobError('stopped'));
    this.#fail('stopped');
    await this.#endWorker();
  }

  #next(): void {
    if (this.#running || this.#ending || this.#waiting.size === 0) return;
    if (!this.#worker) return this.#startWorker();
    if (!this.#worker.isReady) return;
    const task = this.#take();
    if (!task) return;
    this.#running = task;
    this.#startedAtMs = this.#deps.clock.monotonicMs();
    this.#armJob(task, process.cpuUsage());
    this.#worker.thread.postMessage(task.job, task.moved ? [task.moved] : []);
  }

  /** The next task of the owner that has used the least. */
  #take(): Task<Job, Answer> | undefined {
    let least: { owner: string; usedMs: number } | undefined;
    for (const owner of this.#waiting.keys()) {
      const usedMs = this.#usedMs.get(owner) ?? 0;
      if (!least || usedMs < least.usedMs) least = { owner, usedMs };
    }
    if (!least) return undefined;
    this.#virtualMs = Math.max(this.#virtualMs, least.usedMs);
    const queue = this.#waiting.get(least.owner) ?? [];
    const task = queue.shift();
    if (queue.length === 0) this.#waiting.delete(least.owner);
    if (task) this.#waitingBytes -= task.bytes;
    return task;
  }

  #startWorker(): void {
    const thread = new Worker(this.#deps.workerUrl, { resourceLimits, stdout: false, stderr: false });
    const worker = { thread, isReady: false };
    this.#worker = worker;
    // A server that is stopped must not be kept up by it.
    thread.unref();
    this.#arm(startMaxMs, () => void this.#overrun('crashed'));
    thread.on('message', (message: Answer | 'ready') => {
      if (this.#worker !== worker) return;
      if (typeof message === 'object') return this.#finish(message);
      worker.isReady = true;
      clearTimeout(this.#timer);
      this.#next();
    });
    const onEnd = () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#fail('crashed');
      this.#next();
    };
    thread.on('error', onEnd);
    thread.on('exit', onEnd);
  }

  #finish(answer: Answer): void {
    const task = this.#conclude();
    task?.resolve(answer);
    this.#next();
  }

  /** The running task, or when none runs (the thread cannot even start) all that wait, are told. */
  #fail(reason: JobError['reason']): void {
    const task = this.#conclude();
    if (task) return task.reject(new JobError(reason));
    for (let waiting = this.#take(); waiting; waiting = this.#take()) waiting.reject(new JobError(reason));
  }

  #conclude(): Task<Job, Answer> | undefined {
    clearTimeout(this.#timer);
    const task = this.#running;
    this.#running = undefined;
    if (!task) return undefined;
    const tookMs = this.#deps.clock.monotonicMs() - this.#startedAtMs;
    this.#usedMs.set(task.owner, (this.#usedMs.get(task.owner) ?? 0) + tookMs);
    if (this.#usedMs.size > ownersRememberedMax) this.#forgetOwners();
    return task;
  }

  #forgetOwners(): void {
    for (const [owner, usedMs] of this.#usedMs) {
      if (usedMs <= this.#virtualMs && !this.#waiting.has(owner)) this.#usedMs.delete(owner);
    }
  }

  #arm(delayMs: number, onTime: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(onTime, delayMs);
    this.#timer.unref();
  }

  #armJob(task: Task<Job, Answer>, cpuAtStart: NodeJS.CpuUsage, delayMs = task.limitMs): void {
    this.#arm(delayMs, () => {
      // An answer that is there already, while this thread was busy itself, is read in this turn of the event loop.
      setImmediate(() => {
        if (this.#running !== task) return;
        // Of the whole process: its thread has used that much at most.
        const { user, system } = process.cpuUsage(cpuAtStart);
        const usedMs = (user + system) / microsecondsPerMs;
        const waitedMs = this.#deps.clock.monotonicMs() - this.#startedAtMs;
        const leftMs = Math.ceil(task.limitMs - usedMs);
        if (leftMs > 0 && waitedMs < task.limitMs * patienceFactor) {
          this.#armJob(task, cpuAtStart, Math.max(leftMs, lookAgainMinMs));
        } else void this.#overrun('slow');
      });
    });
  }

  async #overrun(reason: JobError['reason']): Promise<void> {
    this.#ending = true;
    const ended = this.#endWorker();
    this.#fail(reason);
    await ended;
    this.#ending = false;
    this.#next();
  }

  async #endWorker(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.thread.terminate();
  }
}
