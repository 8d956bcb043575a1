// @ts-check
// How a story is told on the terminal: numbered steps, what happens in them, and an exit code that says whether all of it did.
import { setTimeout as pause } from 'node:timers/promises';

const waitMaxMs = 60_000;
const lookEveryMs = 50;

/** A step. @param {string} line */
export const say = (line) => console.log(`\n${line}`);

/** What happens in it. @param {string} line */
export const note = (line) => console.log(`   ${line}`);

/** Exits with 0 when the story comes to its end, with 1 and the reason when not. @param {() => Promise<void>} story */
export async function tell(story) {
  try {
    await story();
  } catch (error) {
    process.exitCode = 1;
    console.error(`\nfailed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * The first value of `look` that is not undefined.
 *
 * @template T
 * @param {string} what
 * @param {() => T | undefined | Promise<T | undefined>} look
 * @returns {Promise<T>}
 */
export async function waitFor(what, look) {
  const deadlineMs = performance.now() + waitMaxMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error(`waited ${waitMaxMs / 1_000} s for ${what}`);
    await pause(lookEveryMs);
  }
}

/**
 * The end of a story: what was counted, beside what it should be.
 *
 * @param {[what: string, counted: number, expected: number][]} counts
 */
export function checkCounts(counts) {
  for (const [what, counted, expected] of counts) note(`${what}: ${counted}, expected ${expected}`);
  const wrong = counts.filter(([, counted, expected]) => counted !== expected).map(([what]) => what);
  if (wrong.length > 0) throw new Error(`wrong counts: ${wrong.join('; ')}`);
  say(`Done: ${counts.length} of ${counts.length} counts are right.`);
}
