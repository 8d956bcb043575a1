// @ts-check
// What the wall has shown, in a file of JSON lines: an event is on the disk before its webhook is answered. Its number is
// the number of its line, which is also the id by which a page says what it has seen: a restart goes on where it was.
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

const keptInMemoryMax = 10_000;
const keysMax = 100_000;

/**
 * @typedef {{ kind: 'comment' | 'follower', who: string, text: string, at: string, about: string }} WallEvent
 * @typedef {{ number: number, key: string, event: WallEvent }} Entry
 * @typedef {{ key: string, event: WallEvent, resolve: (isNew: boolean) => void, reject: (error: unknown) => void }} Waiting
 */

/** @param {string} path @param {(entry: Entry) => void} onKept called in the order of the numbers */
export async function openEventLog(path, onKept) {
  const { file, kept, ...begun } = await openWhole(path);
  let { sizeBytes } = begun;
  const entries = /** @type {Entry[]} the youngest */ ([]);
  /** @type {Map<string, Promise<boolean>>} what is known, by key */
  const known = new Map();
  let lastNumber = 0;
  let isWriting = false;
  /** @type {Waiting[]} */
  let waiting = [];

  /** @param {string} key @param {WallEvent} event */
  function keep(key, event) {
    const entry = { number: (lastNumber += 1), key, event };
    entries.push(entry);
    if (entries.length > keptInMemoryMax) entries.shift();
    if (known.size > keysMax) known.delete(known.keys().next().value ?? '');
    return entry;
  }

  for (const { key, event } of kept) {
    keep(key, event);
    known.set(key, Promise.resolve(true));
  }

  // What comes while the disk is busy waits, and goes together with the next write.
  async function write() {
    if (isWriting) return;
    isWriting = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await append(batch).catch((error) => giveUp(batch, error));
    }
    isWriting = false;
  }

  /** @param {Waiting[]} batch */
  async function append(batch) {
    const lines = batch.map(({ key, event }) => `${JSON.stringify({ key, event })}\n`).join('');
    await file.appendFile(lines);
    await file.datasync();
    sizeBytes += Buffer.byteLength(lines);
    for (const { key, event, resolve } of batch) {
      onKept(keep(key, event));
      resolve(true);
    }
  }

  /** @param {Waiting[]} batch @param {unknown} error */
  async function giveUp(batch, error) {
    await file.truncate(sizeBytes).catch(() => {});
    for (const { key, reject } of batch) {
      known.delete(key);
      reject(error);
    }
  }

  return {
    /**
     * Resolves when the event is on the disk; with false when it was known before.
     *
     * @param {string} key
     * @param {WallEvent} event
     * @returns {Promise<boolean>}
     */
    add(key, event) {
      const before = known.get(key);
      if (before !== undefined) return before.then(() => false);
      /** @type {Promise<boolean>} */
      const done = new Promise((resolve, reject) => waiting.push({ key, event, resolve, reject }));
      known.set(key, done);
      void write();
      return done;
    },
    /** Those with a higher number, oldest first. @param {number} number */
    after: (number) => entries.filter((entry) => entry.number > number),
    /** The youngest. @param {number} count */
    last: (count) => entries.slice(-count),
    close: () => file.close(),
  };
}

/** A crash in the middle of a write leaves a last line without its end: it was never answered, so it goes. @param {string} path */
async function openWhole(path) {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a+', 0o600);
  const text = await file.readFile('utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const sizeBytes = Buffer.byteLength(whole);
  await file.truncate(sizeBytes);
  const lines = whole.split('\n').filter((line) => line !== '');
  /** @type {{ key: string, event: WallEvent }[]} */
  const kept = lines.map((line) => JSON.parse(line));
  return { file, kept, sizeBytes };
}
