// @ts-check
// The Posthorn processes of a run: started, killed, frozen, started again.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './ports.mjs';

export const token = 'crash-token-0123456789';
/** Seconds before each attempt, as Posthorn is told; the checker holds it to them. */
export const usualRetrySchedule = [0, 1, 1, 2, 2, 3, 3, 4];
export const attemptTimeoutMs = 4_000;

/** Whatever ends this program ends them too. @type {Set<import('node:child_process').ChildProcess>} */
const alive = new Set();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 32_000;
const startAgainMs = 500;

/**
 * @typedef {object} Member
 * @property {number} index
 * @property {number} port
 * @property {string} url
 * @property {'starting' | 'up' | 'frozen' | 'stopping' | 'down'} state
 * @property {import('node:child_process').ChildProcess | undefined} child
 * @property {Promise<number | null>} exited
 * @property {Record<string, string>} [armed] the environment of the fail-point that it is started with
 * @property {(pid: number) => void} [onHit] called when it killed itself there
 */

export class Fleet {
  /** @type {Member[]} */
  members = [];
  /** Processes that ended though nobody told them to. @type {string[]} */
  unexpected = [];
  #main;
  #env;
  #folder;
  #closed = false;

  /** @param {{ main: string, databaseUrl: string, folder: string, retrySchedule?: readonly number[], env?: Record<string, string> }} options */
  constructor({ main, databaseUrl, folder, retrySchedule = usualRetrySchedule, env = {} }) {
    this.#main = main;
    this.#folder = folder;
    this.#env = {
      PATH: process.env['PATH'],
      DATABASE_URL: databaseUrl,
      NODE_COMPILE_CACHE: join(folder, 'compile-cache'),
      NODE_OPTIONS: `--import=${new URL('mark-sender.mjs', import.meta.url).href}`,
      POSTHORN_SECRET_KEY: randomBytes(32).toString('base64'),
      POSTHORN_TOKEN: token,
      POSTHORN_ALLOW_SUBNETS: '127.0.0.0/8',
      POSTHORN_RETRY_SCHEDULE: retrySchedule.join(','),
      POSTHORN_ATTEMPT_TIMEOUT_SECONDS: String(attemptTimeoutMs / 1000),
      ...env,
    };
  }

  /** @param {number} count */
  async start(count) {
    for (let index = 0; index < count; index += 1) {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      this.members.push({
        index,
        port,
        url,
        state: 'down',
        child: undefined,
        exited: Promise.resolve(null),
      });
    }
    for (const member of this.members) await this.launch(member);
  }

  /**
   * Resolves when the process is ready; it is started again when it gives up by itself. With a fail-point it may also be
   * dead already.
   * @param {Member} member
   */
  async launch(member) {
    const deadline = Date.now() + readyTimeoutMs;
    while (!this.#closed) {
      if (await this.#launchOnce(member)) return;
      if (member.armed) return;
      if (Date.now() > deadline)
        throw new Error(`Posthorn ${member.index} did not start, see ${this.#folder}`);
      await pause(startAgainMs);
    }
  }

  /** @param {Member} member */
  async #launchOnce(member) {
    member.state = 'starting';
    const child = spawn(process.execPath, [this.#main, 'serve', '--json', '--port', String(member.port)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...this.#env, ...member.armed },
    });
    const log = createWriteStream(join(this.#folder, `posthorn-${member.index}.log`), { flags: 'a' });
    child.stderr.pipe(log);
    alive.add(child);
    child.once('exit', () => alive.delete(child));
    member.child = child;
    member.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        if (member.child === child) this.#ended(member, code, signal);
        resolve(code);
      });
    });
    let output = '';
    const ready = new Promise((resolve) => {
      child.stdout.on('data', (piece) => {
        output += piece;
        if (output.trimEnd().endsWith('}')) resolve(true);
      });
    });
    const isReady = await Promise.race([ready, member.exited.then(() => false)]);
    if (isReady && member.child === child && member.state === 'starting') member.state = 'up';
    return isReady;
  }

  /** @param {Member} member @param {number | null} code @param {NodeJS.Signals | null} signal */
  #ended(member, code, signal) {
    if (member.armed && signal === 'SIGKILL' && member.state !== 'down') {
      member.state = 'down';
      member.onHit?.(member.child?.pid ?? 0);
      return;
    }
    if (member.state === 'up') {
      this.unexpected.push(
        `process ${member.index} ended by itself with ${code} at ${new Date().toISOString()}`,
      );
      void pause(startAgainMs).then(() => this.launch(member));
    }
    member.state = 'down';
  }

  /** @param {Member} member @param {NodeJS.Signals} signal */
  signal(member, signal) {
    member.child?.kill(signal);
  }

  /** SIGKILL; resolves with the pid when it is gone. @param {Member} member */
  async kill(member) {
    const pid = member.child?.pid ?? 0;
    member.state = 'down';
    member.child?.kill('SIGKILL');
    await member.exited;
    return pid;
  }

  /** SIGTERM; resolves with the exit code, null where it had to be killed. @param {Member} member */
  async term(member) {
    if (!member.child || member.child.exitCode !== null) return 0;
    member.state = 'stopping';
    member.child.kill('SIGTERM');
    const over = new AbortController();
    const late = pause(stopTimeoutMs, undefined, { signal: over.signal }).then(
      () => member.child?.kill('SIGKILL'),
      () => undefined,
    );
    const code = await member.exited;
    over.abort();
    await late;
    return code;
  }

  /** Ends everything at once, whatever state it is in. */
  async close() {
    this.#closed = true;
    for (const member of this.members) {
      member.state = 'down';
      member.child?.kill('SIGCONT');
      member.child?.kill('SIGKILL');
      await member.exited;
    }
  }
}
