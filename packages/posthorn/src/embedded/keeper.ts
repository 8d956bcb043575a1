// Starts the server below a small shell that outlives us by just long enough to stop it when we die without a word.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { childEnvironment } from './run-as.ts';
import type { Launch, RunAs } from './run-as.ts';
import type { Log } from '../lib/log.ts';

/** A server process below its keeper. `exited` resolves when the keeper has ended, which is after the server has. */
export interface KeptServer {
  /** The server's process number; undefined when the keeper ended before it could say. */
  pid: Promise<number | undefined>;
  exited: Promise<void>;
  hasExited: () => boolean;
  /** What the server wrote before it had a log file. */
  startupOutput(): Promise<string>;
  /** Asks for a fast shutdown: open transactions are rolled back, sessions closed. Returns at once. */
  release(): void;
}

// Standard input is a pipe that only our process holds open, so its end is our end. SIGINT is PostgreSQL's fast
// shutdown; it is repeated because a server in its first milliseconds still ignores it. Signals to the whole group
// (a terminal, a service manager) must reach Posthorn alone, which stops its server last: hence the trap, and
// `detached` below. The server gets none of the keeper's pipes but standard error.
const keeperScript = `
trap '' HUP INT TERM PIPE
exec 3<&0 </dev/null
"$@" 3<&- >/dev/null &
server=$!
( read -r line <&3
  while kill -INT "$server" 2>/dev/null; do sleep 1 || break; done ) >/dev/null 2>&1 &
reader=$!
exec 3<&-
echo "$server"
wait "$server"
code=$?
kill -KILL "$reader"
exit "$code"
`;

const outputMaxBytes = 8_192;
const outputDrainTimeoutMs = 1_000;
const fastShutdownTimeoutMs = 10_000;
const immediateShutdownTimeoutMs = 10_000;

/** Starts `postgres` with these arguments as the cluster's owner. */
export function startKept(runAs: RunAs, postgres: string, args: readonly string[]): KeptServer {
  const child = spawnKeeper(runAs('/bin/sh', ['-c', keeperScript, 'posthorn-keeper', postgres, ...args]));
  let output = '';
  let over = false;
  child.stderr.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-outputMaxBytes);
  });
  // The pipe breaks when the keeper ends first.
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'exit').then(
    () => undefined,
    (error: Error) => {
      output += error.message;
    },
  );
  const exited = ended.then(() => {
    over = true;
  });
  const closed = once(child, 'close').catch(() => undefined);
  return {
    pid: Promise.race([firstNumber(child.stdout), exited.then(() => undefined)]),
    exited,
    hasExited: () => over,
    startupOutput: async () => {
      // The server's log process holds the pipe too, and may still be writing.
      await Promise.race([closed, pause(outputDrainTimeoutMs, undefined, { ref: false })]);
      return output;
    },
    release: () => child.stdin.end(),
  };
}

/** Stops the server: fast, and when that takes too long at once, which the next start repairs from the log. */
export async function stopKept(kept: KeptServer, log: Pick<Log, 'warn'>): Promise<void> {
  kept.release();
  if (await exitsWithin(kept, fastShutdownTimeoutMs)) return;
  const pid = await kept.pid;
  log.warn(
    { pid, waitedMs: fastShutdownTimeoutMs },
    'the embedded PostgreSQL is slow to stop; stopping it at once',
  );
  if (pid === undefined) return;
  sendSignal(pid, 'SIGQUIT');
  if (await exitsWithin(kept, immediateShutdownTimeoutMs)) return;
  sendSignal(pid, 'SIGKILL');
  await exitsWithin(kept, immediateShutdownTimeoutMs);
}

/** Sends a signal to a process that may have ended. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}

async function exitsWithin({ exited, hasExited }: KeptServer, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  await Promise.race([exited, pause(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
  return hasExited();
}

function spawnKeeper({ command, args, user }: Launch) {
  return spawn(command, args, {
    ...user,
    cwd: '/',
    env: childEnvironment,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
}

async function firstNumber(stream: NodeJS.ReadableStream): Promise<number | undefined> {
  for await (const line of createInterface({ input: stream })) return Number.parseInt(line, 10);
  return undefined;
}
