#!/usr/bin/env node
// From the process to the program: the only reader of argv and the environment.
import cluster from 'node:cluster';
import { styleText } from 'node:util';
import { exitCodes } from './cli/exit-codes.ts';
import type { Io, Paint, StopSignal } from './cli/io.ts';
import { workerArgument } from './cli/worker-messages.ts';
import { version } from './lib/version.ts';

const { argv, env, stdin, stdout, stderr } = process;
const arguments_ = argv.slice(2);
/** Forked by a primary of ours: another program's cluster may run us, too. */
const isWorker = cluster.isWorker && arguments_[0] === workerArgument;
const flags = arguments_.includes('--') ? arguments_.slice(0, arguments_.indexOf('--')) : arguments_;

function isSet(text: string | undefined): boolean {
  return text !== undefined && text !== '';
}

function wantsColour(): boolean {
  if (isSet(env.NO_COLOR)) return false;
  return isSet(env.FORCE_COLOR) ? env.FORCE_COLOR !== '0' : stderr.isTTY && env.TERM !== 'dumb';
}

const colour = wantsColour();
const paint: Paint = (style, text) => (colour ? styleText(style, text) : text);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process may not be asked, but it is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function onSignal(listener: (signal: StopSignal) => void): () => void {
  process.on('SIGINT', listener).on('SIGTERM', listener);
  return () => {
    process.off('SIGINT', listener).off('SIGTERM', listener);
  };
}

const io: Io = {
  env,
  cwd: process.cwd(),
  pid: process.pid,
  isAlive,
  stdin,
  stdout,
  stderr,
  json: flags.includes('--json'),
  verbose: flags.includes('--verbose'),
  paint,
  onSignal,
};

// Whoever reads us may stop early, as `head` does: that is no error of ours.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

// ^C reaches every process of the terminal's group. What it means is the primary's to say, from the first moment on.
if (isWorker) process.on('SIGINT', () => {});

async function run(): Promise<number> {
  if (isWorker) {
    const { runWorker } = await import('./cli/worker.ts');
    return runWorker(io);
  }
  const { runProgram } = await import('./cli/program.ts');
  return runProgram(arguments_, io);
}

// The version needs no parser, and stays quick without one.
const [first] = arguments_;
const asksForVersion = arguments_.length === 1 && (first === '--version' || first === '-V');
if (asksForVersion) stdout.write(`${version}\n`);
else process.exitCode = await run();
// A command that was interrupted may have left a read of stdin or a request open; a worker has its channel open.
if (process.exitCode === exitCodes.interrupted || isWorker) process.exit();
