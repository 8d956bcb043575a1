// Reads `postmaster.pid`, the file by which a running PostgreSQL server claims its data directory.
import { readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
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

async function isServerOf(pid: number, dataDir: string): Promise<boolean> {
  // The server is always started with `-D <dataDir>`, and keeps its command line.
  if (process.platform === 'linux') {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    return words[0]?.endsWith('postgres') === true && words.includes(dataDir);
  }
  const { output } = await run({
    command: 'ps',
    args: ['-ww', '-o', 'command=', '-p', String(pid)],
    user: {},
  });
  return output.includes(`postgres -D ${dataDir} `);
}
