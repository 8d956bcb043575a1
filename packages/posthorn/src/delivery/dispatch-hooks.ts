// What the dispatcher hands out, and what it asks of whoever it hands it to.
import type { ClaimedDelivery } from '../store/claimed-contents.ts';
import type { Wait } from './limit-lines.ts';

/** A delivery leased to this process and waiting for, or in, its attempt. */
export type Work = ClaimedDelivery;

export const workBytes = (work: Work) => work.payload?.length ?? 0;

export interface DispatchHooks {
  /** Makes the attempt; resolves when its slot is free again. Must not reject. */
  start(work: Work): Promise<void>;
  /** False while this process cannot be sure of its leases. */
  mayStart(): boolean;
  /** Undefined: it may start now, and its rate limits have been charged for it. */
  throttle?(work: Work): Wait | undefined;
  /** An endpoint that was full has room again: there may be something to claim for it. */
  onRoom?(): void;
  /**
   * The endpoint is closed for `closedMs`, or (0) goes one at a time while memory is short; `waiting` has been taken out
   * of memory and is better off in the database.
   */
  onClosed?(waiting: Work[], closedMs: number): void;
}
