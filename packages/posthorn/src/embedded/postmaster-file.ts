// Reads `postmaster.pid`, the file by which a running PostgreSQL server claims its data directory.
import { readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../lib/clock.ts';
import { run } from './run-as.ts';

/** A server process that runs on a data directory. `port` and `status` are unset while it has just begun to start. */
export interface FoundServer {
  pid: number;
  port: number | undefined;
  status: 'starting' | 'ready' | 'stopping' | undefined;
}

// Line numbers of the file, fixed by PostgreSQL (miscadmin.h, LOCK_FILE_LINE_*).
const portLine = 3;
const statusLine = 7;

// A server writes the file microseconds after it made it.
const remnantAfterMs = 2_000;
const lookEveryMs = 50;

const pidFilePath = (dataDir: string) => join(dataDir, 'postmaster.pid');

async function readLines(dataDir: string): Promise<string[] | undefined> {
  const text = await readFile(pidFilePath(dataDir), 'utf8').catch(() => undefined);
  return text?.split('\n').map((line) => line.trim());
}

function parse(lines: string[]): FoundServer | undefined {
  const pid = Number.parseInt(lines[0] ?? '', 10);
  if (!(pid > 0)) return undefined;
  const port = Number.parseInt(lines[portLine] ?? '', 10);
  const status = lines[statusLine];
  return {
    pid,
    port: port > 0 ? port : undefined,
    status: status === 'starting' || status === 'ready' || status === 'stopping' ? status : undefined,
  };
}

/** What the file says, true or not. */
async function readPostmasterFile(dataDir: string): Promise<FoundServer | undefined> {
  const lines = await readLines(dataDir);
  return lines && parse(lines);
}

/**
 * The live server of this data directory, if there is one. A file left by a dead server whose number now belongs to
 * another program is deleted: PostgreSQL would take that program for a server and refuse to start, as it does in
 * containers, where numbers repeat.
 */
export async function findServer(dataDir: string): Promise<FoundServer | undefined> {
  const found = await readPostmasterFile(dataDir);
  if (!found || !isAlive(found.pid)) return undefined;
  if (await isServerOf(found.pid, dataDir)) return found;
  const again = await readPostmasterFile(dataDir);
  if (again?.pid === found.pid) await unlink(pidFilePath(dataDir)).catch(() => undefined);
  return undefined;
}

/** What this server process says of itself, while it still runs and still claims the data directory. */
export async function stateOf(dataDir: string, pid: number): Promise<FoundServer | undefined> {
  if (!isAlive(pid)) return undefined;
  const found = await readPostmasterFile(dataDir);
  return found?.pid === pid ? found : undefined;
}

/** Whether a process with this number exists, also when it is another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Deletes a file that names no process; true when there was one. Its server was killed, or lost its power, between making
 * the file and writing to it. PostgreSQL does not start beside such a file, ever: another server might be about to write
 * it. So it goes only when it has been like that for two seconds and no server runs, or begins to, on the directory.
 */
export async function removeRemnant(dataDir: string, signal: AbortSignal): Promise<boolean> {
  const untilMs = systemClock.monotonicMs() + remnantAfterMs;
  while (systemClock.monotonicMs() < untilMs) {
    if (!(await namesNobody(dataDir))) return false;
    await pause(lookEveryMs, undefined, { signal });
  }
  const commands = await listCommands();
  if (commands.some((command) => isServerCommand(command, dataDir))) return false;
  await unlink(pidFilePath(dataDir)).catch(() => undefined);
  return true;
}

/** Empty, or full of what a file holds that never reached the disk. A server without clients writes a negative number. */
async function namesNobody(dataDir: string): Promise<boolean> {
  const lines = await readLines(dataDir);
  return lines !== undefined && !/^-?[1-9]/.test(lines[0] ?? '');
}

async function isServerOf(pid: number, dataDir: string): Promise<boolean> {
  const command =
    process.platform === 'linux' ? await commandOf(pid) : await commandsByPs(['-p', String(pid)]);
  return isServerCommand(command, dataDir);
}

// The server is always started with `-D <dataDir>`, and keeps its command line.
function isServerCommand(command: string, dataDir: string): boolean {
  if (process.platform !== 'linux') return command.includes(`postgres -D ${dataDir} `);
  const words = command.split('\0');
  return words[0]?.endsWith('postgres') === true && words.includes(dataDir);
}

const commandOf = (pid: number | string) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');

/** Of all processes that can be seen. */
async function listCommands(): Promise<string[]> {
  if (process.platform !== 'linux') return (await commandsByPs(['-ax'])).split('\n');
  const names = await readdir('/proc');
  return Promise.all(names.filter((name) => /^\d+$/.test(name)).map(commandOf));
}

async function commandsByPs(which: readonly string[]): Promise<string> {
  const { output } = await run({ command: 'ps', args: ['-ww', '-o', 'command=', ...which], user: {} });
  return output;
}
