// Waiting in tests: poll a condition until it holds or a deadline passes. The only place in tests that sleeps.
import { setTimeout as pause } from 'node:timers/promises';

const pollEveryMs = 10;
// What is awaited comes within seconds. A machine that others keep busy may take ten times as long.
const patienceMs = 90_000;

/** Resolves with the first truthy value of `check`; rejects naming `what` after `timeoutMs`. */
export async function waitFor<T>(
  check: () => T | Promise<T>,
  { timeoutMs = patienceMs, what = 'condition' }: { timeoutMs?: number; what?: string } = {},
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value) return value as Exclude<T, false | null | undefined | 0 | ''>;
    if (performance.now() > deadline) throw new Error(`${what} did not come true within ${timeoutMs} ms`);
    await pause(pollEveryMs);
  }
}
