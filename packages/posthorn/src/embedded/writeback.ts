// Writes what the database's files grow by to the disk as it comes, so that no commit waits for all of it at once.
//
// PostgreSQL makes a file longer with empty pages, which Linux keeps for 30 s and then writes together: on a busy server
// some 100 MiB, before which the disk takes no commit. No setting of PostgreSQL changes that (docs/decisions/0040).
import { statSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as otherWork } from 'node:timers/promises';
import { systemClock } from '../lib/clock.ts';
import { createLoop } from '../lib/loop.ts';
import type { Loop } from '../lib/loop.ts';
import type { Log } from '../lib/log.ts';
import { errorCode } from './embedded-error.ts';

export interface WritebackOptions {
  dataDir: string;
  log: Pick<Log, 'warn'>;
  /** The disk did not take a file: the server must recover from its log, as it does when its own fsync fails. */
  onFailure(error: Error, path: string): void;
  /** How often all files are looked at. */
  listEveryMs?: number;
  /** Writes one file's pages to the disk; fdatasync, unless a test looks on. */
  datasync?: (path: string) => Promise<void>;
}

export interface Writeback extends Loop {
  /** Looks once; resolves with the milliseconds until the next look. */
  runOnce(): Promise<number>;
}

const lookEveryMs = 500;
const errorDelayMs = 5_000;
// All files are looked at seldom: there are thousands, and few of them grow.
const listBusyMs = 5_000;
const listIdleMs = 10_000;
const forgetAfterMs = 60_000;
const grownMinBytes = 256 * 1_024;
const statsAtOnce = 50;

// Tables and indexes of databases that users make; the maps beside them (_fsm, _vm) are small.
const firstUserDatabase = 16_384;
const relationFile = /^\d+(\.\d+)?$/;

// Whoever is told of these is the only one: PostgreSQL's own fsync would find nothing wrong afterwards. Any other error
// says that nothing was tried, and is no reason to stop a server.
const lostPages = new Set(['EIO', 'ENOSPC', 'EDQUOT']);

interface GrowingFile {
  writtenBytes: number;
  grewAtMs: number;
}

/** A loop for the data directory of a running server; for Linux, which has the habit. */
export function createWriteback(options: WritebackOptions): Writeback {
  const { datasync = datasyncOf, onFailure } = options;
  const listEveryMs = () => options.listEveryMs ?? (growing.size > 0 ? listBusyMs : listIdleMs);
  let sizes: ReadonlyMap<string, number> | undefined;
  let listedAtMs = 0;
  const growing = new Map<string, GrowingFile>();

  const list = async (now: number) => {
    listedAtMs = now;
    const found = await sizesBelow(join(options.dataDir, 'base'));
    for (const [path, size] of found) {
      // A file that is new since the last list is written from its start; of the first list nothing is known to be new.
      const knownBytes = sizes === undefined ? size : (sizes.get(path) ?? 0);
      if (size - knownBytes < grownMinBytes || growing.has(path)) continue;
      growing.set(path, { writtenBytes: knownBytes, grewAtMs: now });
    }
    sizes = found;
  };

  const writeGrown = async (path: string, file: GrowingFile, now: number) => {
    const size = sizeOf(path);
    if (size === undefined || now - file.grewAtMs > forgetAfterMs) {
      growing.delete(path);
      return;
    }
    file.writtenBytes = Math.min(file.writtenBytes, size);
    if (size - file.writtenBytes < grownMinBytes) return;
    file.writtenBytes = size;
    file.grewAtMs = now;
    await datasync(path).catch((error: unknown) => {
      if (!lostPages.has(errorCode(error) ?? '')) throw error;
      onFailure(error as Error, path);
    });
  };

  const runOnce = async () => {
    const now = systemClock.monotonicMs();
    if (sizes === undefined || now - listedAtMs >= listEveryMs()) await list(now);
    // One after the other: a disk that is slow is not given more than one of them to do.
    for (const [path, file] of growing) await writeGrown(path, file, now);
    return growing.size > 0 ? lookEveryMs : listIdleMs;
  };
  return { ...createLoop({ name: 'writeback', runOnce, errorDelayMs, log: options.log }), runOnce };
}

async function sizesBelow(base: string): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const database of await readdir(base)) {
    if (!(Number(database) >= firstUserDatabase)) continue;
    const names = await readdir(join(base, database)).catch(() => []);
    for (const [index, name] of names.entries()) {
      if (index % statsAtOnce === 0) await otherWork();
      if (!relationFile.test(name)) continue;
      const path = join(base, database, name);
      const size = sizeOf(path);
      if (size !== undefined) sizes.set(path, size);
    }
  }
  return sizes;
}

// Not the promise, which takes eight times as long; a table that was dropped has none.
function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

async function datasyncOf(path: string): Promise<void> {
  const file = await open(path, 'r').catch(() => undefined);
  try {
    await file?.datasync();
  } finally {
    await file?.close();
  }
}
