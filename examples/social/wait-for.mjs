// @ts-check
import { setTimeout as pause } from 'node:timers/promises';

const lookOftenMs = 20;

/**
 * @template T
 * @param {string} what
 * @param {number} waitMaxMs
 * @param {() => T | undefined | false | Promise<T | undefined | false>} look
 * @param {number} [lookEveryMs]
 * @returns {Promise<T>}
 */
export async function waitFor(what, waitMaxMs, look, lookEveryMs = lookOftenMs) {
  const deadlineMs = performance.now() + waitMaxMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadlineMs) throw new Error(`waited ${waitMaxMs / 1000} s for ${what}`);
    await pause(lookEveryMs);
  }
}
