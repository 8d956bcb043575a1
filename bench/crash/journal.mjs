// @ts-check
// A journal: one JSON array a line, on disk before it counts. Writers gather lines for a few milliseconds per sync.
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';

const gatherMs = 10;

/**
 * @typedef {object} Journal
 * @property {(entry: readonly unknown[]) => Promise<void>} write resolves when the entry is on disk
 * @property {() => Promise<void>} close
 */

/**
 * @param {string} path
 * @returns {Promise<Journal>}
 */
export async function openJournal(path) {
  const file = await open(path, 'a');
  let lines = '';
  /** @type {Promise<void> | undefined} */
  let next;
  let writing = Promise.resolve();

  const flush = async () => {
    await new Promise((resolve) => {
      setTimeout(resolve, gatherMs);
    });
    await writing;
    const text = lines;
    lines = '';
    next = undefined;
    writing = file.appendFile(text).then(() => file.datasync());
    await writing;
  };

  return {
    write(entry) {
      lines += `${JSON.stringify(entry)}\n`;
      next ??= flush();
      return next;
    },
    async close() {
      await next;
      await writing;
      await file.close();
    },
  };
}

/**
 * @param {string} path
 * @returns {AsyncGenerator<any[]>}
 */
export async function* readJournal(path) {
  for await (const line of createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    if (line !== '') yield JSON.parse(line);
  }
}
