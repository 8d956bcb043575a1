// Endpoints that get their messages in order, one at a time: what an attempt means for those behind it.
//
//   block: nothing goes before the one in front has succeeded or is exhausted
//   skip:  one that fails goes on by its schedule, and those behind it go on
import type { Transition } from './settle.ts';

/** What becomes of those behind a delivery that failed. */
export type Ordering = 'block' | 'skip';

/**
 * Whether those behind wait until the transition is stored. Also when it is exhausted: a process that dies before it
 * has written that down leaves the delivery to be tried again, and it may arrive then.
 */
export function holdsUp(ordering: Ordering | null, { state }: Transition): boolean {
  return ordering === 'block' && state !== 'succeeded';
}
