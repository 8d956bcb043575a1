// The server's log files: the last lines for an error message, and a bound on how much of them is kept.
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { logFolder } from './settings.ts';

// With the rotation size of 10 MB in settings.ts: about 50 MB.
const filesMax = 5;

async function logFiles(dataDir: string): Promise<string[]> {
  const dir = join(dataDir, logFolder);
  const names = await readdir(dir).catch(() => []);
  // The names hold the time, so their order is the order of the files.
  return names
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => join(dir, name));
}

/** What the newest log file holds of the last start, at most `linesMax` lines of it. */
export async function lastLogLines(dataDir: string, linesMax: number): Promise<string[]> {
  const newest = (await logFiles(dataDir)).at(-1);
  if (newest === undefined) return [];
  const lines = (await readFile(newest, 'utf8').catch(() => '')).trimEnd().split('\n');
  const started = lines.findLastIndex((line) => line.includes('starting PostgreSQL'));
  return lines.slice(Math.max(0, started)).slice(-linesMax);
}

/** Deletes the oldest log files; the server rotates by size but never deletes. */
export async function pruneLogFiles(dataDir: string): Promise<void> {
  const surplus = (await logFiles(dataDir)).slice(0, -filesMax);
  await Promise.all(surplus.map((path) => rm(path, { force: true }).catch(() => undefined)));
}
