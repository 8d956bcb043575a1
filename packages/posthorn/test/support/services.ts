// Real servers for tests: started where their program is installed, each on a port and in a folder of its own, and ended
// with the test.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from './wait.ts';

export interface Service {
  port: number;
  folder: string;
  stop(): Promise<void>;
}

/** The path of a program, or undefined. */
export function programPath(name: string): string | undefined {
  try {
    // Debian's own script of RabbitMQ, in /usr/sbin, goes to another user, who may not write into the folder of a test.
    const path = `/usr/lib/rabbitmq/bin:${process.env.PATH}:/usr/sbin:/usr/local/sbin`;
    return execFileSync('/bin/sh', ['-c', `command -v ${name}`], {
      env: { PATH: path },
      encoding: 'utf8',
    }).trim();
  } catch {
    return undefined;
  }
}

/** Below those that the system gives to whoever asks for any: nobody gets it before it is used. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

interface ServiceOptions {
  program: string;
  /** What it is started with. */
  command(folder: string, port: number): { args: string[]; env?: Record<string, string> };
  prepare?(folder: string, port: number): Promise<void>;
  /** Beyond its port being open. */
  isReady?(port: number): Promise<boolean>;
  timeoutMs?: number;
}

/** Started, and ready. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const path = programPath(options.program);
  if (path === undefined) throw new Error(`${options.program} is not installed`);
  const folder = await mkdtemp(join(tmpdir(), `posthorn-${options.program}-`));
  const port = await freePort();
  await options.prepare?.(folder, port);
  const { args, env = {} } = options.command(folder, port);
  const child: ChildProcess = spawn(path, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { PATH: process.env.PATH, HOME: folder, ...env },
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += String(chunk)));
  child.stderr?.on('data', (chunk) => (output += String(chunk)));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    if (child.pid !== undefined && child.exitCode === null) {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(async () => (await listens(port)) && ((await options.isReady?.(port)) ?? true), {
      what: `${options.program} being ready`,
      timeoutMs: options.timeoutMs ?? 60_000,
    });
  } catch (error) {
    await stop();
    throw new Error(`${options.program} did not start:\n${output}`, { cause: error });
  }
  return { port, folder, stop };
}

/** Registers tests that need a program; says by name which are left out where it is not installed. */
export function whereInstalled(program: string, debianPackage: string, register: () => void): void {
  if (programPath(program) !== undefined) return register();
  process.stderr.write(
    `${program} is not installed: its tests are left out (apt-get install ${debianPackage})\n`,
  );
}
