// The note that a running `posthorn dev` leaves in its data directory, so that other commands find it.
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const fileName = 'dev.json';
const ownerOnly = 0o600;

export interface DevState {
  /** Of the API, without a path: `http://127.0.0.1:8071`. */
  url: string;
  token: string;
  pid: number;
  /** Lets `token` and `environment` reach the embedded PostgreSQL while it runs. */
  databaseUrl?: string;
}

function devStatePath(dataDir: string): string {
  return join(dataDir, fileName);
}

/** Replaces the note in one step, readable by its owner only: it holds a token. */
export async function writeDevState(dataDir: string, state: DevState): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const path = devStatePath(dataDir);
  const draft = `${path}.${state.pid}.tmp`;
  await writeFile(draft, `${JSON.stringify(state, undefined, 2)}\n`, { mode: ownerOnly });
  await chmod(draft, ownerOnly);
  await rename(draft, path);
}

/** Removes the note of process `pid`; leaves the one of a later process. */
export async function removeDevState(dataDir: string, pid: number): Promise<void> {
  const state = await readDevState(dataDir);
  if (state?.pid === pid) await rm(devStatePath(dataDir), { force: true });
}

/** Undefined when there is none, or none that can be read. The process it names may be gone. */
export async function readDevState(dataDir: string): Promise<DevState | undefined> {
  const text = await readFile(devStatePath(dataDir), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parseDevState(text);
}

function parseDevState(text: string): DevState | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { url, token, pid, databaseUrl } = value as Record<string, unknown>;
  if (typeof url !== 'string' || typeof token !== 'string' || typeof pid !== 'number') return undefined;
  return { url, token, pid, ...(typeof databaseUrl === 'string' ? { databaseUrl } : {}) };
}
