// @ts-check
// The receiver's database: an append-only file with one JSON object per line. What was added is on the disk.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/**
 * @typedef {import('./service.mjs').User} User
 * @typedef {{ webhookId: string, user: User }} Received
 * @typedef {Received | { notified: string }} Line
 */

/** @param {string} path */
export function openUserStore(path) {
  mkdirSync(dirname(path), { recursive: true });
  /** @type {Map<string, Received>} by webhook id */
  const received = new Map();
  /** @type {Set<string>} webhook ids */
  const notified = new Set();

  /** @param {Line} line */
  const apply = (line) => {
    if ('notified' in line) notified.add(line.notified);
    else received.set(line.webhookId, line);
  };

  readLines(path).forEach(apply);
  const file = openSync(path, 'a', 0o600);

  /** @param {Line} line */
  const append = (line) => {
    writeSync(file, `${JSON.stringify(line)}\n`);
    fsyncSync(file);
    apply(line);
  };

  return {
    /**
     * False when this webhook was stored before: a sender that did not hear our answer sends it again.
     *
     * @param {Received} webhook
     */
    add(webhook) {
      if (received.has(webhook.webhookId)) return false;
      append(webhook);
      return true;
    },
    /** @param {string} webhookId */
    markNotified: (webhookId) => append({ notified: webhookId }),
    /** Stored, and not yet announced: work that a crash left behind. */
    unannounced: () => [...received.values()].filter(({ webhookId }) => !notified.has(webhookId)),
    /** How often the user with this id was stored. @param {string} userId */
    count: (userId) => [...received.values()].filter(({ user }) => user.id === userId).length,
    close: () => closeSync(file),
  };
}

/**
 * A crash in the middle of a write leaves a last line without its end: it was never answered, so it goes.
 *
 * @param {string} path
 * @returns {Line[]}
 */
function readLines(path) {
  if (!existsSync(path)) return [];
  const bytes = readFileSync(path);
  const wholeBytes = bytes.lastIndexOf('\n') + 1;
  if (wholeBytes < bytes.length) truncateSync(path, wholeBytes);
  const text = bytes.subarray(0, wholeBytes).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
