// A lock file between processes on one machine: `npm start` and `npm test` in two terminals prepare one after the other.
import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

const beatEveryMs = 2_000;
const staleAfterMs = 30_000;
const lookEveryMs = 200;
const waitMaxMs = 15 * 60_000;

/**
 * Runs `work` while holding the lock at `path`; waits for another living holder, says so once through `say`, and takes
 * over from a dead one. A holder is dead when its process is gone, or when it has not touched the file for 30 s.
 */
export async function withLock(path, say, work) {
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), startedAt: new Date().toISOString() });
  await acquire(path, say, mine);
  const beat = setInterval(() => touch(path), beatEveryMs);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if (read(path) === mine) rmSync(path, { force: true });
  }
}

async function acquire(path, say, mine) {
  const deadline = performance.now() + waitMaxMs;
  let said = false;
  while (!create(path, mine)) {
    const holder = read(path);
    if (holder !== undefined && isStale(path, holder)) {
      remove(path, holder);
      continue;
    }
    if (performance.now() > deadline)
      throw new Error(`prepare: ${path} is still held; delete it if nothing runs.`);
    if (holder && !said)
      say(`prepare: waiting for process ${JSON.parse(holder).pid}, which is preparing this clone…`);
    said ||= Boolean(holder);
    await pause(lookEveryMs);
  }
}

function create(path, mine) {
  try {
    writeFileSync(path, mine, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isStale(path, holder) {
  const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
  if (age > staleAfterMs) return true;
  const pid = pidOf(holder); // none: created, not written yet
  return pid !== undefined && holder.includes(JSON.stringify(hostname())) && !isAlive(pid);
}

function pidOf(holder) {
  const found = /"pid":(\d+)/.exec(holder ?? '');
  return found ? Number(found[1]) : undefined;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Renames first: of two processes that saw the same dead holder, only one can move its file away. */
function remove(path, holder) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (read(aside) === holder) rmSync(aside, { force: true });
  else renameSync(aside, path); // someone else was faster, and this is the new holder's file
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function touch(path) {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}
